"""How the rehearsal behaves: every choice follows from the seed and from what is asked, never from chance."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What an operator can set. Shares are of the answers, from 0 to 1."""

    seed: int = 0
    pace: float = 1.0
    """How long everything takes: 1 is slow enough to watch, 0 answers at once."""
    tokens_per_second: float = 60.0
    load_seconds: float = 2.0
    slow_share: float = 0.15
    """Experts' answers that take `SLOWER` times as long."""
    broken_share: float = 0.1
    """Experts' answers that break off the first time they are asked for."""
    failing_share: float = 0.03
    """Experts' answers that break off every time."""
    dissent_share: float = 0.3
    """Stances that differ from what most experts hold."""
    careless_share: float = 0.15
    """Plans that address somebody who is not in the team."""
    returned_share: float = 0.25
    """Syntheses that the reviewer sends back, once."""

    def share(self, *what: object) -> float:
        """A number from 0 to 1 that belongs to `what`, spread evenly over all there may be."""
        digest = hashlib.blake2b(repr((self.seed, *what)).encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64

    def chosen(self, items: Sequence[Item], *what: object) -> Item:
        """One of `items`."""
        return items[int(self.share(*what) * len(items))]

    def ordered(self, items: Sequence[Item], *what: object) -> list[Item]:
        """All of `items`, in an order that belongs to `what`."""
        return sorted(items, key=lambda item: self.share(item, *what))


SLOWER = 4.0
