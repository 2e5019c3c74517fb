"""Scores of a response: the expert's own, and a judge model's; each on its own scale, with where it comes from.

People's ratings come through services/scores.py; all three are stored side by side and never mixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from helios_core.measures.scores import CONFIDENCE, GRADES, OVERALL, SHARE, Assessment, Judge
from helios_core.runtime import prompts
from helios_core.runtime.answers import ExpertAnswer

Verdict = Literal["pass", "pass_with_reservations", "return"]


@dataclass(frozen=True, slots=True)
class Review:
    """What the reviewer says of a synthesis."""

    verdict: Verdict
    explanation: str
    changes: tuple[str, ...]

    @property
    def sends_back(self) -> bool:
        """Whether the synthesis has to be made again."""
        return self.verdict == "return"


def judge_on(model_name: str, model_provider: str) -> Judge:
    """A model that judges by the prompt of today."""
    return Judge(model_name, model_provider, prompts.VERSIONS["judge"], prompts.JUDGE)


def self_assessment(answer: ExpertAnswer) -> Assessment | None:
    """The confidence that an expert gave for its own answer; None where it gave none."""
    if answer.confidence is None:
        return None
    return Assessment(CONFIDENCE, answer.confidence, SHARE, answer.confidence_reason)


def read_judgement(judged: Mapping[str, object] | None) -> tuple[Assessment, ...]:
    """A judge's grades, the one for the whole first; nothing where the answer is no judgement.

    A grade that is missing or beyond the scale is left out, and a judgement without one for the whole is none.
    """
    given = judged or {}
    explanation = "\n".join([_text(given.get("explanation")), *(f"- {fault}" for fault in _texts(given.get("faults")))])
    overall = _grade(given.get(OVERALL))
    if overall is None:
        return ()
    grades = {criterion: _grade(given.get(criterion)) for criterion in prompts.CRITERIA}
    return (
        Assessment(OVERALL, overall, GRADES, explanation.strip() or None),
        *(Assessment(criterion, grade, GRADES) for criterion, grade in grades.items() if grade is not None),
    )


def read_review(reviewed: Mapping[str, object] | None) -> Review | None:
    """The reviewer's verdict; None where the answer is none. A return that names no change is a reservation."""
    given = reviewed or {}
    explanation, changes = _text(given.get("explanation")), _texts(given.get("changes"))
    match given.get("verdict"):
        case "return" if changes:
            return Review("return", explanation, changes)
        case "pass":
            return Review("pass", explanation, changes)
        case "return" | "pass_with_reservations":
            return Review("pass_with_reservations", explanation, changes)
        case _:
            return None


def _grade(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if GRADES.low <= value <= GRADES.high else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else ()
    return tuple(text for item in items if (text := _text(item)))
