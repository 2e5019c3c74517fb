"""An expert's answer, read by the headings under which the team is asked to write.

What an answer does not say stays None: a missing confidence is no confidence of 0.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Part = Literal["answer", "grounds", "requirements", "confidence", "open"]

HEADING = re.compile(
    r"^\s*(?P<mark>#{1,6}\s+|\d{1,2}[.)]\s+|[-*]\s+)?(?P<bold>\*\*|__)?\s*"
    r"(?P<name>answer|grounds|requirements|confidence|open)\s*(?P<colon>:)?\s*(?P=bold)?\s*(?P<late>:)?(?P<rest>.*)$",
    re.IGNORECASE,
)
NUMBER = re.compile(r"(?<![\w.,-])(?P<value>\d+(?:[.,]\d+)?)\s*(?:(?P<percent>%)|(?:/|out of)\s*(?P<of>\d+))?")


@dataclass(frozen=True, slots=True)
class ExpertAnswer:
    """An answer in its parts; without headings, all of it is the answer."""

    answer: str
    grounds: str | None = None
    requirements: str | None = None
    confidence: float | None = None
    """From 0 to 1, as the expert gave it."""
    confidence_reason: str | None = None
    open: str | None = None


def read_answer(text: str) -> ExpertAnswer:
    """The parts of an expert's text."""
    parts = dict(_parts(text))
    if not parts.get("answer"):
        return ExpertAnswer(text.strip(), confidence=_confidence(parts), confidence_reason=parts.get("confidence"))
    return ExpertAnswer(
        answer=parts["answer"],
        grounds=parts.get("grounds"),
        requirements=parts.get("requirements"),
        confidence=_confidence(parts),
        confidence_reason=parts.get("confidence"),
        open=parts.get("open"),
    )


def share_of(text: str) -> float | None:
    """The first number in `text` as a share of one: 0.8, 0,8, 80 %, 4/5; None where none can be one."""
    for found in NUMBER.finditer(text):
        value = float(found["value"].replace(",", "."))
        whole = 100.0 if found["percent"] else float(found["of"] or 1)
        if whole and 0 <= value <= whole:
            return value / whole
    return None


def _parts(text: str) -> Iterator[tuple[Part, str]]:
    """Each part that is there, with its text; the first of a name counts."""
    seen: dict[Part, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        heading = _heading(line)
        if heading is not None and heading[0] not in seen:
            current = seen.setdefault(heading[0], [heading[1]])
        elif current is not None:
            current.append(line)
    yield from ((name, body) for name, lines in seen.items() if (body := "\n".join(lines).strip()))


def _heading(line: str) -> tuple[Part, str] | None:
    """The part that a line opens, and what else it says. A sentence that begins with "Open" opens nothing."""
    found = HEADING.match(line)
    if found is None:
        return None
    is_marked = bool(found["mark"] or found["bold"])
    has_colon = bool(found["colon"] or found["late"])
    rest = found["rest"].strip()
    if has_colon or (is_marked and found["bold"]) or not rest:
        names: Mapping[str, Part] = {part: part for part in PARTS}
        return names[found["name"].lower()], rest
    return None


PARTS: tuple[Part, ...] = ("answer", "grounds", "requirements", "confidence", "open")


def _confidence(parts: Mapping[Part, str]) -> float | None:
    return share_of(parts["confidence"]) if "confidence" in parts else None
