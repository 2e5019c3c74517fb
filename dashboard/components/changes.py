"""What differs between two versions of a configuration, in words, side by side, and line by line."""

import json
from difflib import SequenceMatcher
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.render import plain
from helios_core.services.configurations import FieldChange
from helios_core.services.explanations import in_words

LONG_FIELDS = {"system_prompt", "constraints"}
CONTEXT_LINES = 2
CONTEXT_CHARACTERS = 100


def shown(field: str, value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value as a reader sees it; what it holds may be foreign."""
    if value is None:
        return "none" if field == "gpu_assignment" else formats.NA
    if field == "further_gpu_ids":
        return in_words(value, "none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if field == "gpu_assignment":
        return f"GPU {value}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def in_brief(change: FieldChange) -> str:
    """A change in one line; it may hold foreign text."""
    if change.field == "system_prompt":
        added, removed = counts(str(change.before or ""), str(change.after or ""))
        return f"{change.title} +{added} −{removed} lines"
    if change.field == "constraints":
        return f"{change.title} changed"
    return f"{change.title} {shown(change.field, change.before)} → {shown(change.field, change.after)}"


def counts(before: str, after: str) -> tuple[int, int]:
    """How many lines came and went."""
    old, new = before.splitlines(), after.splitlines()
    changed = [block for block in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes() if block[0] != "equal"]
    return sum(j2 - j1 for _, _, _, j1, j2 in changed), sum(i2 - i1 for _, i1, i2, _, _ in changed)


def show_change(change: FieldChange) -> None:
    """A change with its values; long texts line by line."""
    if change.field in LONG_FIELDS:
        st.markdown(f"**{plain(change.title)}**")
        show_lines(change)
    else:
        before, after = shown(change.field, change.before), shown(change.field, change.after)
        st.markdown(f"**{plain(change.title)}** {plain(before)} → {plain(after)}")


def show_lines(change: FieldChange) -> None:
    """A long text as the lines that went, the lines that came, and a little around them."""
    old, new = _text(change.before).splitlines(), _text(change.after).splitlines()
    lines: list[str] = []
    for group in SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES):
        if lines:
            lines.append(":gray[⋯]")
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                lines += [f":gray[{plain(line, CONTEXT_CHARACTERS)}]" for line in old[i1:i2] if line.strip()]
            else:
                lines += [f":orange-background[− {plain(line)}]" for line in old[i1:i2]]
                lines += [f":green-background[+ {plain(line)}]" for line in new[j1:j2]]
    with st.container(border=True):
        st.markdown("  \n".join(lines))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str) else json.dumps(value or {}, ensure_ascii=False, indent=2)
