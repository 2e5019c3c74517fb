"""Requirements held against the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.runtime.answers import ExpertAnswer, read_answer
from helios_core.runtime.requirements import Verdict, check_requirements

ASKED = ("name each way in which a job can be lost", "say what the set-up covers", "a figure for the cost")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("- name each way in which a job can be lost: met, see the list", "met"),
        ("- Each way a job can be lost: partly met", "partly_met"),
        ("- each way a job is lost: **not met**, no logs", "not_met"),
        ("- which ways each job is lost: unmet", "not_met"),
        ("- each way in which a job is lost is named above", "mentioned"),
    ],
)
def test_the_experts_own_verdict_counts(line: str, verdict: Verdict) -> None:
    (check,) = check_requirements(ASKED[:1], ExpertAnswer("Jobs.", requirements=line)).checks
    assert (check.verdict, check.line) == (verdict, line)


def test_a_requirement_that_the_answer_says_nothing_of_was_dropped() -> None:
    answer = read_answer(
        "**Answer**: Jobs are lost in each way named: a crash, a full disk. The set-up covers a crash."
    )
    checks = check_requirements(ASKED, answer)
    assert [check.verdict for check in checks.checks] == ["mentioned", "mentioned", "missing"]
    assert checks.dropped == checks.open == ("a figure for the cost",)
    (finding,) = checks.findings("Technical Expert")
    assert (finding.kind, finding.excerpt) == ("dropped_requirement", "a figure for the cost")
    assert "[Technical Expert]" in finding.sentence


def test_what_is_not_wholly_met_stays_open() -> None:
    lines = "- each way a job can be lost: met\n- what the set-up covers: partly met\n- figure for the cost: not met"
    assert check_requirements(ASKED, ExpertAnswer("…", requirements=lines)).open == ASKED[1:]


@given(st.lists(st.text(max_size=40), max_size=4), st.text(max_size=200))
def test_every_requirement_is_checked_once(asked: list[str], text: str) -> None:
    checks = check_requirements(asked, read_answer(text))
    assert [check.requirement for check in checks.checks] == asked
