"""An expert's answer by its headings, however a model writes them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.runtime.answers import ExpertAnswer, read_answer, share_of

PLAIN = """\
1. **Answer**: Move the nightly jobs.
They restart.
2. **Grounds**: given: three hosts. Open questions remain.
3. **Requirements**:
- name each way: met, see the list
4. **Confidence**: 0.7, a failed restart would change it.
5. **Open**: nothing
"""


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("1. **", "## ").replace("2. **", "## ").replace("**:", ":").replace("**", ""),
        PLAIN.replace("**:", ":**"),
        "Of course.\n\n" + PLAIN,
        re.sub(r"^\d\. |\*\*", "", PLAIN, flags=re.MULTILINE),
    ],
    ids=["as asked", "as headings", "colon inside", "after a preamble", "without marks"],
)  # fmt: skip
def test_the_parts_are_found_however_their_headings_look(text: str) -> None:
    answer = read_answer(text)
    assert answer.answer == "Move the nightly jobs.\nThey restart."
    assert answer.grounds is not None
    assert "Open questions remain." in answer.grounds
    assert answer.requirements == "- name each way: met, see the list"
    assert answer.confidence == 0.7
    assert answer.open == "nothing"


def test_without_headings_everything_is_the_answer_and_nothing_else_is_known() -> None:
    assert read_answer("  Move them.\nOpen the ports first.\n") == ExpertAnswer("Move them.\nOpen the ports first.")


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0.8", 0.8), ("0,8 or so", 0.8), ("80 %", 0.8), ("80%", 0.8), ("4/5", 0.8), ("4 out of 5", 0.8), ("1", 1.0),
        ("high", None), ("", None), ("8", None), ("0/0", None), ("version 2.1.3, then 0.4", 0.4), ("-0.3", None),
    ],
)  # fmt: skip
def test_a_confidence_is_a_share_of_one_or_unknown(text: str, share: float | None) -> None:
    assert share_of(text) == share


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_and_no_confidence_leaves_its_range(text: str) -> None:
    answer = read_answer(text)
    assert answer.confidence is None or 0 <= answer.confidence <= 1
