"""The mix of requests: what has been asked for, and so what is likely to be asked for next."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from helios_core.allocation.fleet import Fleet, Traits
from helios_core.allocation.requests import Kind, Shape

Whole = NDArray[np.float64]
"""Whole numbers held in float64, below 2^53: sums are exact in any order, so every machine finds the same."""

SHARE = 2**16
"""The weight of a request that is the whole mix and may use every card."""
SCARCITY = -0.5
"""How much more a request counts that few cards can serve: the power of the fraction of cards that it may use."""
CPU_SLACK, RAM_SLACK = 1.2, 3.0
"""How far a host's CPU and memory are trusted to stretch beyond the mix's average need per card."""
MOST_PROFILES = 256
FIRST_LESSON = 16
FORGET_AT = 2**16


@dataclass(frozen=True, slots=True)
class Profile:
    """One sort of request in the mix: its shape, and what it takes of its host."""

    shape: Shape
    host_cpu_milli: int
    host_memory_mib: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is likely to come: P shapes, K >= P profiles in the order of their shapes, C classes of hosts.

    A class is the traits of a host's cards; `weights` (C, K) says how much each profile counts on such a host.
    `compute_per_card`, `memory_per_card`, `cpu_per_card`, `ram_per_card`: what the mix takes of each resource with a
    thousandth of a card; 0 where it takes none.
    """

    shapes: tuple[Shape, ...]
    profiles: tuple[Profile, ...]
    starts: NDArray[np.intp]
    weights: Whole
    class_of_host: tuple[int, ...]
    compute_per_card: float
    memory_per_card: float
    cpu_per_card: float
    ram_per_card: float
    least: tuple[int, ...]
    """Per shape, what a host must be able to give of its cards, in thousandths, before one such request fits."""

    @property
    def merged(self) -> Whole:
        """The weights per shape instead of per profile (C, P): what holds on a host that states no limits."""
        if not self.profiles:
            return np.zeros((len(self.weights), 0))
        return np.add.reduceat(self.weights, self.starts, axis=1)

    @property
    def ties_cards(self) -> bool:
        """Whether some request needs more than one card of a host, so that cards cannot be judged one by one."""
        return any(shape.cards > 1 for shape in self.shapes)


class Mix:
    """Counts of what was asked for. It learns at 16, 32, 64, ... requests, and then forgets slowly."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self.counts: Counter[Kind] = Counter(kinds)
        self.is_given = bool(self.counts)
        self._seen = 0
        self._next_lesson = 1

    def observe(self, kind: Kind) -> bool:
        """Count a request; True where the outlook should be drawn anew."""
        if self.is_given:
            return False
        self.counts[kind] += 1
        self._seen += 1
        if self._seen < self._next_lesson:
            return False
        self._next_lesson = max(2 * self._seen, FIRST_LESSON)
        if self._seen >= FORGET_AT:
            self._forget()
        return True

    def _forget(self) -> None:
        self.counts = Counter({kind: -(-count // 2) for kind, count in self.counts.items()})
        self._seen, self._next_lesson = FORGET_AT // 2, FORGET_AT

    def outlook(self, fleet: Fleet) -> Outlook:
        """What is likely to come to this fleet. Requests that need no card at all take nothing that is scarce."""
        counts = {kind: count for kind, count in self.counts.items() if kind.shapes[0].cards}
        classes, class_of_host = host_classes(fleet)
        weighed = _weights(counts, fleet, classes)
        heaviest = sorted(weighed, key=lambda profile: (-sum(weighed[profile]), _order(profile)))
        profiles = sorted(heaviest[:MOST_PROFILES], key=_order)
        shapes = tuple(shape for shape, _ in groupby(profile.shape for profile in profiles))
        first = {shape: position for position, shape in reversed(list(enumerate(p.shape for p in profiles)))}
        units = Units.of(fleet)
        total = sum(count * units.thousandths(kind.shapes[0]) for kind, count in counts.items())

        def per_card(amounts: Iterable[int]) -> float:
            return sum(amount * count for amount, count in zip(amounts, counts.values(), strict=True)) / (total or 1)

        return Outlook(
            shapes=shapes,
            profiles=tuple(profiles),
            starts=np.array([first[shape] for shape in shapes], dtype=np.intp),
            weights=np.array([weighed[profile] for profile in profiles], dtype=np.float64)
            .reshape(-1, len(classes))
            .T.copy(),
            class_of_host=class_of_host,
            compute_per_card=per_card(kind.shapes[0].cards * kind.shapes[0].compute_milli for kind in counts),
            memory_per_card=per_card(kind.shapes[0].cards * _memory(kind.shapes[0]) for kind in counts),
            cpu_per_card=per_card(kind.host_cpu_milli for kind in counts),
            ram_per_card=per_card(kind.host_memory_mib for kind in counts),
            least=tuple(units.thousandths(shape) if shape.cards > 1 else 0 for shape in shapes),
        )


@dataclass(frozen=True, slots=True)
class Units:
    """The fleet's average card, by which compute and memory become comparable."""

    compute_milli: float
    memory_mib: float

    @classmethod
    def of(cls, fleet: Fleet) -> "Units":
        """The average card of the fleet."""
        cards = len(fleet.gpus) or 1
        return cls(
            sum(gpu.compute_milli for gpu in fleet.gpus) / cards, sum(gpu.capacity_mib for gpu in fleet.gpus) / cards
        )

    def thousandths(self, shape: Shape) -> int:
        """What a shape takes of average cards, in thousandths of a card, by the resource of which it takes most."""
        compute = shape.compute_milli / self.compute_milli if self.compute_milli else 0.0
        memory = _memory(shape) / self.memory_mib if self.memory_mib else 0.0
        return round(1000 * shape.cards * max(compute, memory))


def host_classes(fleet: Fleet) -> tuple[list[tuple[Traits, ...]], tuple[int, ...]]:
    """The sorts of hosts by the traits of their cards, and the sort of each host."""
    traits: dict[str, list[Traits]] = {host.name: [] for host in fleet.hosts}
    for gpu in fleet.gpus:
        traits[gpu.host].append(gpu.traits)
    numbers: dict[tuple[Traits, ...], int] = {}
    found = tuple(numbers.setdefault(tuple(dict.fromkeys(traits[host.name])), len(numbers)) for host in fleet.hosts)
    return list(numbers), found


def may_use(kind: Kind, traits: Traits) -> bool:
    """Whether a kind may be served by cards with these traits."""
    return (
        (not kind.gpu_types or traits.gpu_type in kind.gpu_types)
        and traits.capability >= kind.min_capability
        and kind.labels <= traits.labels
    )


def _weights(counts: dict[Kind, int], fleet: Fleet, classes: Sequence[tuple[Traits, ...]]) -> dict[Profile, list[int]]:
    """How much each profile counts in each class of hosts; kinds that differ only in where they may go are one."""
    cards = Counter(gpu.traits for gpu in fleet.gpus)
    asked = sum(counts.values())
    found: dict[Profile, list[int]] = defaultdict(lambda: [0] * len(classes))
    for kind, count in counts.items():
        usable = sum(number for traits, number in cards.items() if may_use(kind, traits))
        if not usable:
            continue
        weight = SHARE * count / asked * (usable / len(fleet.gpus)) ** SCARCITY
        row = found[Profile(kind.shapes[0], kind.host_cpu_milli, kind.host_memory_mib)]
        for number, sort in enumerate(classes):
            fitting = sum(may_use(kind, traits) for traits in sort)
            row[number] += round(weight * fitting / len(sort)) if sort else 0
    return found


def _memory(shape: Shape) -> int:
    return shape.memory_mib + shape.weights_mib


def _order(profile: Profile) -> tuple[object, ...]:
    shape = profile.shape
    model = shape.model or ("", 0)
    demand = (shape.cards, shape.compute_milli, shape.memory_mib, shape.weights_mib, *model)
    return (*demand, profile.host_cpu_milli, profile.host_memory_mib)
