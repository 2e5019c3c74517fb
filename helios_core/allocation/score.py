"""HX: how much usable capacity a placement is expected to cost.

What a host is worth to the requests that are likely to come is

    value = sum over profiles p of  weight_p * [p fits] * min(usable_p, 1.2 * free CPU / cpu', 3 * free RAM / ram')

with `usable_p` the free part of those of its cards on which p fits, in thousandths of a card, and cpu', ram' what the
mix takes of CPU and RAM with a thousandth of a card. A placement costs the value that it takes from its host, rounded
to 0.02 cards, and the cheapest wins; ties go to the card with least free, then to the first. So large requests that
are likely keep the room that they need, and what nobody can use any more is used up first.

Source: the fragmentation measure of Weng et al., "Beware of Fragmentation" (USENIX ATC 2023), which counts what the mix
cannot use of a host; this counts what it can, bounds it by CPU and RAM, and weighs requests that few cards can serve
by the inverse root of the fraction of cards that can. A card's own memory bounds it in the same way.
"""

from typing import NamedTuple

from helios_core.allocation.ledger import Card
from helios_core.allocation.outlook import SHARE, Outlook
from helios_core.allocation.rules import Strategy

CPU_SLACK, RAM_SLACK = 1.2, 3.0
"""How far a host's CPU and memory are trusted to stretch beyond the mix's average need per card."""
STEP_CARDS = 0.02
"""Losses are rounded to so many cards."""
STEP = 20 * SHARE
"""The same in weighted thousandths of a card."""
TIE = 2**14
"""More than a card has free, in thousandths: what separates two steps."""
FIRST = 2**30
"""More than any loss: what separates two values of a strategy."""
UNREAD_CELSIUS = 10_000
"""Where a card without a reading ranks, in tenths of a degree."""
UNBOUNDED = float(2**40)


class Candidate(NamedTuple):
    """Cards that could take a request, and what that costs: the strategy's rank, the loss in steps, and the tie."""

    price: float
    host: int
    cards: tuple[int, ...]

    @property
    def loss_cards(self) -> float:
        """The usable capacity that is expected to be lost, in cards."""
        return self.price % FIRST // TIE * STEP_CARDS


def card_bound(outlook: Outlook, free_compute: float, free_memory: float) -> float:
    """What the mix could use of a card, in whole thousandths: as much as its scarcer resource allows."""
    by_compute = free_compute / outlook.compute_per_card if outlook.compute_per_card else UNBOUNDED
    by_memory = free_memory / outlook.memory_per_card if outlook.memory_per_card else UNBOUNDED
    return min(by_compute, by_memory) // 1


def cost(loss: float, free: float) -> float:
    """The loss in steps; below them what is free, in thousandths of a card, tells apart cards that lose the same."""
    return round(loss / STEP) * TIE + min(free, TIE - 1)


def rank(strategy: Strategy, card: Card) -> int:
    """What a strategy puts before the loss, the lowest first: thousandths, tenths of a percent or of a degree."""
    if strategy is Strategy.PACK:
        return 0
    gpu = card.gpu
    if strategy is Strategy.THERMAL_HEADROOM:
        return UNREAD_CELSIUS if gpu.temperature_celsius is None else round(10 * gpu.temperature_celsius)
    compute = 1000 - 1000 * card.free_compute_milli // gpu.compute_milli if gpu.compute_milli else 0
    if strategy is Strategy.LEAST_LOADED:
        return compute if gpu.utilization_percent is None else round(10 * gpu.utilization_percent)
    memory = 1000 - 1000 * card.free_memory_mib // gpu.capacity_mib if gpu.capacity_mib else 0
    return max(compute, memory)
