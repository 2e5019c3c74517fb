"""The only door for text that a model or a user wrote.

Streamlit reads Markdown in almost every text that it is given, and a browser then fetches the images in it. So foreign
text goes to a page through `plain` (into Streamlit's own texts and labels), through `message` (a long text with its
structure), or through `clean` (into a component of ours, which sets it as text content).
"""

import re
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard import formats

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
"""Control characters, and those that turn the direction of what follows or hide in it."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LINKED = re.compile(r"(?i)(https?|ftp|mailto)(?=:)|(www)(?=\.)|(?<=\w)(@)(?=\w)")
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_ITEM = re.compile(r"^(\s*)(?:([-*+])|(\d{1,4})[.)])\s+(\S.*)$")
_HEADING = re.compile(r"^\s*#{1,6}\s+(.*?)\s*#*$")
_STRONG = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")

_WORD_JOINER = "\u2060"


def clean(text: str | None) -> str:
    """Foreign text for a component that sets it as text content: what cannot be seen is made visible."""
    if text is None:
        return formats.NA
    return _UNSEEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def short(text: str | None, characters: int = 80) -> str:
    """The beginning of a foreign text, in one line, for a component."""
    line = " ".join(clean(text).split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def plain(text: str | None, characters: int | None = None) -> str:
    """Foreign text as Markdown that shows exactly these characters, in one line: no image, no link, no formula."""
    line = " ".join(clean(text).split())
    if characters is not None and len(line) > characters:
        line = line[: characters - 1].rstrip() + "…"
    unlinked = _LINKED.sub(lambda found: found.group() + _WORD_JOINER, line)
    return _PUNCTUATION.sub(r"\\\1", unlinked)


def message(text: str | None) -> None:
    """Show a long foreign text with its paragraphs, lists, headings, emphasis and code, and nothing else of it."""
    for is_code, lines in _blocks(clean(text)):
        if is_code:
            st.code("\n".join(lines), language=None, wrap_lines=True)
        elif any(line.strip() for line in lines):
            st.markdown(structured(lines))


def structured(lines: list[str]) -> str:
    """Lines of foreign text as Markdown in which only our own marks have a meaning."""
    return "\n".join(map(_line, lines)).strip("\n")


def _line(line: str) -> str:
    if not line.strip():
        return ""
    if heading := _HEADING.match(line):
        return f"\n**{plain(heading[1])}**\n"
    if item := _ITEM.match(line):
        indent = "    " * min(3, len(item[1]) // 2)
        return f"{indent}{item[3] + '.' if item[3] else '-'} {_emphasised(item[4])}"
    return _emphasised(line) + "  "


def _emphasised(line: str) -> str:
    parts = [(plain(part), index % 2 == 1) for index, part in enumerate(_STRONG.split(line)) if part.strip()]
    return " ".join(f"**{part}**" if is_strong else part for part, is_strong in parts)


def _blocks(text: str) -> list[tuple[bool, list[str]]]:
    """Runs of lines, each with whether it is code; the fences themselves are left out."""
    fence: str | None = None
    marked: list[tuple[bool, str]] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence is None and found:
            fence = found[1]
        elif fence is not None and found and found[1].startswith(fence) and line.strip() == found[1]:
            fence = None
        else:
            marked.append((fence is not None, line))
    return [(is_code, [line for _, line in run]) for is_code, run in groupby(marked, key=lambda pair: pair[0])]


def zone() -> ZoneInfo:
    """The viewer's zone, as the browser tells it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def clock(at: datetime | None) -> str:
    """The time of day in the viewer's zone."""
    return formats.clock(at, zone())


def date_and_time(at: datetime | None) -> str:
    """Date and time in the viewer's zone."""
    return formats.date_and_time(at, zone())
