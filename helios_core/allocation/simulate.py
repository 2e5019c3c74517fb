"""Simulate: a stream of agents that come and go, against a fleet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from helios_core.allocation.place import Placer
from helios_core.allocation.requests import Kind, Request

MOST_COPIES = 100_000
"""Where counting stops: a kind that takes nothing fits for ever."""


@dataclass(frozen=True, slots=True)
class Departure:
    """An agent that leaves."""

    agent: str


Event = Request | Departure


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one event."""

    agent: str
    gpu_ids: tuple[int, ...] | None
    """Where the agent is now; None where it was refused or left."""


@dataclass(frozen=True, slots=True)
class Fullness:
    """What is promised of all cards together, from 0 to 1."""

    memory: float
    compute: float


def simulate(placer: Placer, events: Iterable[Event]) -> Iterator[Step]:
    """Let agents come and go in this order; one that leaves without having had a place changes nothing."""
    for event in events:
        if isinstance(event, Departure):
            if event.agent in placer.ledger.promises:
                placer.release(event.agent)
            yield Step(event.agent, None)
        else:
            promise = placer.place(event)
            yield Step(event.agent, None if promise is None else placer.ledger.gpu_ids(promise))


def fullness(placer: Placer) -> Fullness:
    """How full the fleet is."""
    cards = placer.ledger.cards
    memory, compute = sum(card.capacity_mib for card in cards), sum(card.gpu.compute_milli for card in cards)
    return Fullness(
        memory=sum(card.promised_mib for card in cards) / (memory or 1),
        compute=sum(card.gpu.compute_milli - card.free_compute_milli for card in cards) / (compute or 1),
    )


def how_many_more(placer: Placer, kind: Kind) -> int:
    """How many more agents of this kind would fit, one after the other; nothing is promised to them."""
    trial = placer.copy()
    names = (f"one more {number}" for number in range(MOST_COPIES))
    return sum(1 for _ in takewhile(lambda name: trial.place(Request(name, kind)) is not None, names))
