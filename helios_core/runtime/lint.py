"""What can be wrong with a plan's directives: each finding names it, and says what was done about it.

Nothing is dropped in silence: a directive that is not sent, and a dependency that is not waited for, leave a finding.
"""

import re
from collections.abc import Iterable, Sequence

from helios_core.services.findings import Finding

SAME_TASK = 0.8
"""Two tasks whose words overlap by this share (Jaccard) are one task."""
WORD = re.compile(r"\w+")


def similarity(one: str, other: str) -> float:
    """The Jaccard index of the words of two texts, from 0 to 1; two texts without words are the same."""
    words, others = _words(one), _words(other)
    union = words | others
    return len(words & others) / len(union) if union else 1.0


def repeats(task: str, earlier: Iterable[str]) -> bool:
    """Whether `task` asks for the same as one of `earlier`."""
    return any(similarity(task, other) >= SAME_TASK for other in earlier)


def waiting_in_a_circle(depends_on: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """The dependencies (who waits, for whom) without which nobody waits for each other, by position."""
    kept: list[set[int]] = [set() for _ in depends_on]
    refused = []
    for waiting, needed in enumerate(depends_on):
        for other in needed:
            if _reaches(kept, other, waiting):
                refused.append((waiting, other))
            else:
                kept[waiting].add(other)
    return tuple(refused)


def reply(findings: Sequence[Finding]) -> str:
    """What the Project Manager is told about its plan; nothing where there is nothing to tell."""
    return "\n".join(f"- {finding.sentence} {finding.effect}" for finding in findings)


def _reaches(edges: Sequence[set[int]], start: int, goal: int) -> bool:
    """Whether following `edges` from `start` leads to `goal`."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        place = waiting.pop()
        if place == goal:
            return True
        if place not in seen:
            seen.add(place)
            waiting.extend(edges[place])
    return False


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.casefold()))
