"""A judge's grades and a reviewer's verdict, read from what a model said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.measures.scores import GRADES, SHARE, Assessment
from helios_core.runtime import prompts
from helios_core.runtime.answers import read_answer
from helios_core.runtime.quality import Review, judge_on, read_judgement, read_review, self_assessment

JUDGED: dict[str, object] = {
    "requirements": 4, "grounds": 2, "honesty": 5, "clarity": 3, "overall": 2,
    "explanation": "The cost has no source.", "faults": ["“61 %”: no source"],
}  # fmt: skip


def test_a_judgement_gives_a_grade_for_the_whole_first_and_one_for_each_criterion() -> None:
    whole, *parts = read_judgement(JUDGED)
    assert whole == Assessment("overall", 2, GRADES, "The cost has no source.\n- “61 %”: no source")
    assert [(part.criterion, part.value) for part in parts] == [
        ("requirements", 4), ("grounds", 2), ("honesty", 5), ("clarity", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("overall", [0, 6, None, "4", True, float("nan")])
def test_a_judgement_without_a_grade_that_can_be_is_none(overall: object) -> None:
    assert read_judgement({**JUDGED, "overall": overall}) == ()
    assert read_judgement(None) == ()


def test_a_missing_criterion_is_unknown_and_not_zero() -> None:
    assert [one.criterion for one in read_judgement({"overall": 3, "grounds": 9})] == ["overall"]


def test_a_judge_is_named_with_its_version_and_its_prompt() -> None:
    judge = judge_on("qwen2.5:14b", "ollama")
    assert (judge.model_name, judge.model_provider) == ("qwen2.5:14b", "ollama")
    assert judge.prompt_version == "judge-1"
    assert all(criterion in judge.prompt for criterion in prompts.CRITERIA)


def test_an_expert_assesses_itself_only_where_it_says_so() -> None:
    assert self_assessment(read_answer("**Confidence**: 80 %, if it rains.")) == Assessment(
        "confidence", 0.8, SHARE, "80 %, if it rains."
    )
    assert self_assessment(read_answer("I am sure.")) is None


@pytest.mark.parametrize(
    ("verdict", "changes", "read"),
    [
        ("pass", [], "pass"),
        ("return", ["Name the cost."], "return"),
        ("return", [], "pass_with_reservations"),
        ("return", [" "], "pass_with_reservations"),
        ("pass_with_reservations", ["Name the cost."], "pass_with_reservations"),
    ],
)
def test_only_a_return_that_says_what_to_change_sends_back(verdict: str, changes: list[str], read: str) -> None:
    review = read_review({"verdict": verdict, "explanation": "Because.", "changes": changes})
    assert isinstance(review, Review)
    assert review.verdict == read
    assert review.sends_back == (read == "return")


@given(
    st.dictionaries(
        st.sampled_from(["verdict", "changes", "overall", "faults"]), st.text() | st.integers() | st.lists(st.text())
    )
)
def test_no_structure_breaks_the_reading(structured: dict[str, object]) -> None:
    review = read_review(structured)
    assert review is None or isinstance(review, Review)
    assert all(1 <= one.value <= 5 for one in read_judgement(structured))
