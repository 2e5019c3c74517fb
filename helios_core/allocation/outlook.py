"""The outlook: what a mix of requests means for one fleet, as numbers that the score works with."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray

from helios_core.allocation.fleet import Fleet, Traits
from helios_core.allocation.requests import Kind, Shape, may_use

Whole = NDArray[np.float64]
"""Whole numbers held in float64, below 2^53: sums are exact in any order, so every machine finds the same."""

SHARE = 2**16
"""The weight of a request that is the whole mix and may use every card."""
MOST_PROFILES = 256
"""How many sorts of requests are weighed; the rest of a mix, the least likely, are not."""

HostClass = tuple[Traits, ...]
"""The different traits of a host's cards."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is likely to come: K profiles, which are P <= K shapes but for what they take of a host, in their order."""

    profiles: tuple[Shape, ...]
    shapes: tuple[Shape, ...]
    starts: NDArray[np.intp]
    """Where in the profiles each shape begins."""
    weights: Whole
    """How much each profile counts on each class of hosts (C, K)."""
    merged: Whole
    """The same by shape (C, P): what holds on hosts that state no limits."""
    class_of_host: tuple[int, ...]
    least: tuple[int, ...]
    """What a host must be able to give of its cards, in thousandths, before one request of the shape fits."""
    compute_per_card: float
    """What the mix takes of compute with a thousandth of a card, as of the next three; 0 where it takes none."""
    memory_per_card: float
    cpu_per_card: float
    ram_per_card: float

    @property
    def ties_cards(self) -> bool:
        """Whether some request needs more than one card of a host, so that cards cannot be judged one by one."""
        return any(shape.cards > 1 for shape in self.shapes)

    @classmethod
    def of(cls, kinds: Mapping[Kind, int], fleet: Fleet) -> Self:
        """What so many requests of these kinds say of the next ones. Who needs no card takes nothing that is scarce."""
        counts = {kind: count for kind, count in kinds.items() if kind.shapes[0].cards}
        classes, class_of_host = host_classes(fleet)
        profiles, weights = _weigh(counts, fleet, classes)
        starts = [next(group)[0] for _, group in groupby(enumerate(profiles), key=lambda pair: _on_card(pair[1]))]
        shapes = tuple(profiles[start] for start in starts)
        card, firsts = AverageCard.of(fleet), [(kind.shapes[0], count) for kind, count in counts.items()]
        total = sum(count * card.thousandths(shape) for shape, count in firsts) or 1
        return cls(
            profiles=tuple(profiles),
            shapes=shapes,
            starts=np.array(starts, dtype=np.intp),
            weights=weights,
            merged=np.add.reduceat(weights, starts, axis=1) if starts else weights,
            class_of_host=class_of_host,
            least=tuple(card.thousandths(shape) if shape.cards > 1 else 0 for shape in shapes),
            compute_per_card=sum(count * shape.cards * shape.compute_milli for shape, count in firsts) / total,
            memory_per_card=sum(count * shape.cards * _full_mib(shape) for shape, count in firsts) / total,
            cpu_per_card=sum(count * shape.host_cpu_milli for shape, count in firsts) / total,
            ram_per_card=sum(count * shape.host_memory_mib for shape, count in firsts) / total,
        )


@dataclass(frozen=True, slots=True)
class AverageCard:
    """The fleet's average card, by which compute and memory become comparable."""

    compute_milli: float
    memory_mib: float

    @classmethod
    def of(cls, fleet: Fleet) -> Self:
        """The average card of the fleet."""
        cards = len(fleet.gpus) or 1
        compute, memory = sum(gpu.compute_milli for gpu in fleet.gpus), sum(gpu.capacity_mib for gpu in fleet.gpus)
        return cls(compute / cards, memory / cards)

    def thousandths(self, shape: Shape) -> int:
        """What a shape takes of average cards, in thousandths of one, by the resource of which it takes most."""
        compute = shape.compute_milli / self.compute_milli if self.compute_milli else 0.0
        memory = _full_mib(shape) / self.memory_mib if self.memory_mib else 0.0
        return round(1000 * shape.cards * max(compute, memory))


def host_classes(fleet: Fleet) -> tuple[list[HostClass], tuple[int, ...]]:
    """The classes of hosts, and the class of each host."""
    traits: dict[str, list[Traits]] = {host.name: [] for host in fleet.hosts}
    for gpu in fleet.gpus:
        traits[gpu.host].append(gpu.traits)
    numbers: dict[HostClass, int] = {}
    found = tuple(numbers.setdefault(tuple(dict.fromkeys(traits[host.name])), len(numbers)) for host in fleet.hosts)
    return list(numbers), found


def _weigh(kinds: Mapping[Kind, int], fleet: Fleet, classes: Sequence[HostClass]) -> tuple[list[Shape], Whole]:
    """The heaviest profiles in the order of their shapes, and their weights (C, K) by class of hosts.

    A kind weighs its share of the requests, and more the fewer cards may serve it: by the inverse root of the part of
    the fleet that may. Kinds that differ only in where they may go are one profile. On a host with cards of different
    traits a kind counts with the part of these that may serve it.
    """
    cards, asked = Counter(gpu.traits for gpu in fleet.gpus), sum(kinds.values())
    found: dict[Shape, list[int]] = defaultdict(lambda: [0] * len(classes))
    for kind, count in kinds.items():
        usable = sum(number for traits, number in cards.items() if may_use(kind, traits))
        if not usable:
            continue
        weight = SHARE * count / asked * sqrt(len(fleet.gpus) / usable)
        for number, traits in enumerate(classes):
            fitting = sum(may_use(kind, one) for one in traits)
            found[kind.shapes[0]][number] += round(weight * fitting / max(len(traits), 1))
    heaviest = sorted(found, key=lambda profile: (-sum(found[profile]), _order(profile)))[:MOST_PROFILES]
    profiles = sorted(heaviest, key=_order)
    weights = np.array([found[profile] for profile in profiles], dtype=np.float64).reshape(len(profiles), len(classes))
    return profiles, np.ascontiguousarray(weights.T)


def _full_mib(shape: Shape) -> int:
    return shape.memory_mib + shape.weights_mib


def _on_card(shape: Shape) -> tuple[object, ...]:
    """What the shape takes of each card."""
    return shape.cards, shape.compute_milli, shape.memory_mib, shape.weights_mib, shape.model or ("", "", 0)


def _order(shape: Shape) -> tuple[object, ...]:
    return *_on_card(shape), shape.host_cpu_milli, shape.host_memory_mib
