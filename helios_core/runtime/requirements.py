"""Whether an answer meets the requirements of its directive, as far as its words can tell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from helios_core.runtime.answers import ExpertAnswer
from helios_core.services.findings import Finding

Verdict = Literal["met", "partly_met", "not_met", "mentioned", "missing"]
"""The first three are the expert's own; "mentioned": the answer speaks to it without a verdict."""

MENTIONED = 0.5
"""A requirement is mentioned where this share of its telling words stands in the answer."""
VERDICTS: tuple[tuple[Verdict, re.Pattern[str]], ...] = (
    ("not_met", re.compile(r"\b(?:not|un)[\s-]?(?:met|fulfilled|satisfied)\b", re.IGNORECASE)),
    ("partly_met", re.compile(r"\b(?:partly|partially|mostly)[\s-](?:met|fulfilled|satisfied)\b", re.IGNORECASE)),
    ("met", re.compile(r"\b(?:met|fulfilled|satisfied)\b", re.IGNORECASE)),
)
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement, and what the answer says of it."""

    requirement: str
    verdict: Verdict
    line: str | None = None
    """Where the expert says so."""


@dataclass(frozen=True, slots=True)
class Checks:
    """A directive's requirements, each checked."""

    checks: tuple[Check, ...]

    @property
    def dropped(self) -> tuple[str, ...]:
        """The requirements that the answer says nothing of."""
        return tuple(check.requirement for check in self.checks if check.verdict == "missing")

    @property
    def open(self) -> tuple[str, ...]:
        """The requirements that are not wholly met, by the expert's own word or by its silence."""
        unmet = {"not_met", "partly_met", "missing"}
        return tuple(check.requirement for check in self.checks if check.verdict in unmet)

    def findings(self, name: str) -> tuple[Finding, ...]:
        """One finding for each requirement that [name] dropped."""
        return tuple(
            Finding(
                "dropped_requirement",
                f"[{name}]'s answer says nothing of a requirement.",
                requirement,
                "It is reported as open.",
            )
            for requirement in self.dropped
        )


def check_requirements(requirements: Sequence[str], answer: ExpertAnswer) -> Checks:
    """Each requirement with the expert's own verdict where there is one, else whether the answer speaks to it.

    An expert's line is about the requirement with which it shares the most telling words.
    """
    lines = [line.strip() for line in (answer.requirements or "").splitlines() if line.strip()]
    whole = " ".join(part for part in (answer.answer, answer.grounds, answer.requirements, answer.open) if part)
    return Checks(tuple(_check(requirement, lines, whole) for requirement in requirements))


def _check(requirement: str, lines: Sequence[str], whole: str) -> Check:
    best = max(lines, key=lambda line: coverage(requirement, line), default=None)
    if best is not None and coverage(requirement, best) >= MENTIONED:
        for verdict, pattern in VERDICTS:
            if pattern.search(best):
                return Check(requirement, verdict, best)
        return Check(requirement, "mentioned", best)
    return Check(requirement, "mentioned" if coverage(requirement, whole) >= MENTIONED else "missing")


def coverage(requirement: str, text: str) -> float:
    """The share of the requirement's telling words (of four letters and more, by their stems) that `text` has."""
    telling, there = _stems(requirement), _stems(text)
    return len(telling & there) / len(telling) if telling else 0.0


def _stems(text: str) -> frozenset[str]:
    """Words cut to five letters, so that "failures" meets "fails"; short ones only where there are no others."""
    words = WORD.findall(text.casefold())
    return frozenset(word[:5] for word in words if len(word) >= 4) or frozenset(words)
