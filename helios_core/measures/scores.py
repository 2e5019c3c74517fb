"""Scores, each on a scale of its own: what a value means is known only with its scale and with who gave it."""

from dataclasses import dataclass

OVERALL = "overall"
"""The criterion of a score for the answer as a whole."""
CONFIDENCE = "confidence"
"""The criterion of an expert's score for its own answer."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The lowest and the highest value of a score."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """`value` as a share of the scale, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


SHARE = Scale(0, 1)
GRADES = Scale(1, 5)
"""The scale of judge models, and of people."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One score: for what, how much, on which scale, and why."""

    criterion: str
    value: float
    scale: Scale
    explanation: str | None = None

    @property
    def share(self) -> float:
        """The score from 0 to 1."""
        return self.scale.share(self.value)


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that judges, by a prompt of a version whose text is kept."""

    model_name: str
    model_provider: str
    prompt_version: str
    prompt: str
