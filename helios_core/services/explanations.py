"""Explanations of decisions, as they are kept: one line for the choice, the runner-up, and each cause of refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from helios_core.allocation.explain import BECAUSE
from helios_core.allocation.explain import Explanation as Reasons
from helios_core.allocation.refusals import Reason, Refusal

Verdict = Literal["chosen", "next", "refused"]
OF_OTHERS = {Reason.AFFINITY, Reason.ANTI_AFFINITY, Reason.EXCLUSIVE}
"""Refusals that name agents on the card, or their models."""
SOMETHING_THERE = "what is on the card keeps it away"
"""What a reader is told in their place who may not see whose agents are there."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was found of some cards: the choice, the runner-up, or why they were refused."""

    gpu_ids: tuple[int, ...]
    """Empty: of all cards."""
    verdict: Verdict
    sentence: str

    @property
    def words(self) -> str:
        """The line, with its cards."""
        if self.verdict == "chosen" and not self.gpu_ids:
            return self.sentence
        return f"{_named(self.gpu_ids)}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why here, and for each other card the first rule that refused it."""

    lines: tuple[Line, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The lines, each with its cards."""
        return tuple(line.words for line in self.lines)

    @property
    def refusal(self) -> str:
        """Why no card took it, in as few words as there are causes."""
        refused = [line for line in self.lines if line.verdict == "refused"]
        return " ".join(line.words for line in refused[:5]) or "There is no card."

    def as_json(self) -> dict[str, Any]:
        """What is kept."""
        return {"lines": [asdict(line) for line in self.lines]}


def as_explanation(kept: Mapping[str, Any]) -> Explanation:
    """An explanation as it was kept."""
    lines = kept.get("lines", [])
    return Explanation(tuple(Line(tuple(line["gpu_ids"]), line["verdict"], line["sentence"]) for line in lines))


def explanation_of(reasons: Reasons, *, because: str | None = None, sees_all: bool = True) -> Explanation:
    """The engine's reasons in words. `because`: why the choice, where it was not the engine's.

    `sees_all` False: whoever reads it may not learn which agents of others are on a card.
    """
    lines = []
    chosen, runner_up = reasons.chosen, reasons.runner_up
    if chosen is not None:
        lines.append(Line(chosen.gpu_ids, "chosen", f"{because or BECAUSE[reasons.strategy]}; {chosen.sentence}."))
    if runner_up is not None:
        lines.append(Line(runner_up.gpu_ids, "next", f"next best; {runner_up.sentence}."))
    return Explanation((*lines, *_grouped(reasons.refusals, sees_all=sees_all)))


def _grouped(refusals: tuple[Refusal, ...], *, sees_all: bool) -> tuple[Line, ...]:
    """One line a cause: a large fleet refuses for few."""
    by_cause: dict[str, list[int]] = {}
    for refusal in refusals:
        hides = not sees_all and refusal.reason in OF_OTHERS
        cause = SOMETHING_THERE if hides else refusal.cause
        by_cause.setdefault(cause, []).extend(() if refusal.gpu_id is None else (refusal.gpu_id,))
    return tuple(Line(tuple(gpu_ids), "refused", f"{cause}.") for cause, gpu_ids in by_cause.items())


def in_words(gpu_ids: Sequence[int], none: str = "no card") -> str:
    """Cards as people say them: "GPU 0", "GPU 0 and 1", "GPU 0, 1 and 2"."""
    if not gpu_ids:
        return none
    *first, last = map(str, gpu_ids)
    return f"GPU {', '.join(first)} and {last}" if first else f"GPU {last}"


def _named(gpu_ids: tuple[int, ...]) -> str:
    if len(gpu_ids) > 3:
        return f"GPU {gpu_ids[0]} and {len(gpu_ids) - 1} more"
    return in_words(gpu_ids, "All cards")
