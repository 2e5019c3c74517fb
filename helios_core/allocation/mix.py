"""The mix of requests: what has been asked for, and so what is likely to be asked for next."""

from collections import Counter
from collections.abc import Mapping
from typing import Self

from helios_core.allocation.requests import Kind

LESSON = 4
"""The mix is looked at again when so many times as many requests have come."""
FORGET_AT = 2**14
"""After so many requests all counts are halved, so that what was asked for long ago counts for less."""


class Mix:
    """Counts of what was asked for: learned as requests come, or given, and then it stays as it is."""

    def __init__(self) -> None:
        self.counts: Counter[Kind] = Counter()
        self._is_given = False
        self._seen = 0
        self._next_lesson = 1

    @classmethod
    def given(cls, counts: Mapping[Kind, int]) -> Self:
        """A mix that is known, by how often each kind is asked for."""
        mix = cls()
        mix.counts.update(counts)
        mix._is_given = True
        return mix

    def observe(self, kind: Kind) -> bool:
        """Count a request; True where the outlook should be drawn anew."""
        if self._is_given:
            return False
        self.counts[kind] += 1
        self._seen += 1
        if self._seen < self._next_lesson:
            return False
        if self._seen >= FORGET_AT:
            self.counts = Counter({kind: count // 2 for kind, count in self.counts.items() if count > 1})
            self._seen //= 2
        self._next_lesson = min(LESSON * self._seen, FORGET_AT)
        return True
