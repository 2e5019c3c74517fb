"""Foreign text stays text."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.render import clean, plain, short, structured

ESCAPED = re.compile(r"\\[!-/:-@\[-`{-~]")
HOSTILE = [
    "![x](http://127.0.0.1:9/x.png)",
    "[x](javascript:alert(1))",
    "<img src=http://127.0.0.1:9/x onerror=alert(1)>",
    "<script>alert(1)</script>",
    ":material/home: :smile: :red[x]",
    "$\\href{http://127.0.0.1:9}{x}$",
    "http://127.0.0.1:9/ www.example.com me@example.com",
    "| a | b |\n|---|---|",
    "[x]: http://127.0.0.1:9/x\n\n![x]",
    "&lt;img&#32;src=x&gt;",
]


def unescaped(text: str) -> str:
    """What is left of escaped text when its escapes are taken away."""
    return ESCAPED.sub("", text)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_punctuation_of_a_foreign_text_keeps_its_meaning(hostile: str) -> None:
    assert not set(unescaped(plain(hostile))) & set(string.punctuation)


@given(st.text())
def test_any_text_is_escaped_into_one_line(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert not set(unescaped(shown)) & set(string.punctuation)


@given(st.text(alphabet=string.ascii_letters + string.digits + " .,!?()[]*_`<>#", max_size=60))
def test_escaping_changes_no_character_that_is_seen(text: str) -> None:
    shown = ESCAPED.sub(lambda found: found.group()[1], plain(text)).replace("\u2060", "")
    assert shown == " ".join(text.split())


def test_an_address_is_shown_and_not_made_a_link() -> None:
    assert "http\u2060" in plain("http://example.com")
    assert "www\u2060" in plain("www.example.com")


def test_what_turns_or_hides_text_becomes_visible() -> None:
    assert clean("a\u202eb\u200bc\x1b[31m\0") == "a\ufffdb\ufffdc\ufffd[31m\ufffd"
    assert clean("one\r\ntwo\ttab") == "one\ntwo\ttab"


def test_a_missing_text_is_not_available() -> None:
    assert clean(None) == "n/a"


def test_a_long_text_is_cut_with_a_sign() -> None:
    assert short("word " * 100, 12) == "word word w…"
    assert plain("abcdef", 4) == "abc…"


def test_the_structure_of_a_message_stays_and_nothing_else_of_it() -> None:
    shown = structured(["# Plan <b>", "- **first** ![x](http://e)", "  1. second", "text"])
    assert "**Plan \\<b\\>**" in shown
    assert "- **first** \\!\\[x\\]" in shown
    assert "    1. second" in shown
    assert "![x](" not in shown


@given(st.lists(st.text(max_size=40), max_size=6))
def test_a_message_never_lets_an_image_a_link_or_markup_through(lines: list[str]) -> None:
    shown = unescaped(structured("\n".join(lines).split("\n")))
    assert not set(shown) & set("![]()<>`:$#|~_{}&=@\\\"'")
