"""Many agents at once by local search: the densest first, then parts are torn out and rebuilt, and gains are kept."""

from collections.abc import Iterable
from random import Random

from helios_core.allocation.packing import Packing, Place
from helios_core.allocation.problem import Item, Problem

SEED = 20_221
"""Any fixed number: the same problem is always searched in the same order."""
NOISE = 0.5
"""How far the order of rebuilding strays from that of density, as a part of it."""
TORN_CARDS = (1, 2, 2, 3)
"""How many cards are emptied in a round, by turns."""


class Search:
    """One packing, and the best that it has been: the total priority of who has a place."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.packing = Packing(problem)
        self._random = Random(SEED)  # noqa: S311 - a search, not a secret
        self._memory = max(sum(problem.memory_mib.values()), 1)
        self._compute = max(sum(problem.budgets[n] for name, n in problem.numbers.items() if name[0] == "compute"), 1)
        self._density = [item.request.priority / self._size(item) for item in problem.items]
        self._rebuild(range(len(problem.items)), noise=0.0)
        self.total = self._worth(self.packing.places)

    def improve(self, rounds: int) -> None:
        """Tear out and rebuild, at most so many times; a rebuilding that loses priority is taken back."""
        for number in range(rounds):
            waiting = [n for n in range(len(self.problem.items)) if n not in self.packing.places]
            if not waiting:
                return
            self._round(waiting, TORN_CARDS[number % len(TORN_CARDS)])

    def _round(self, waiting: list[int], cards: int) -> None:
        wanted = self._random.choice(waiting)
        allowed = list(self.problem.items[wanted].ways[0].on_card)
        if not allowed:
            return
        torn = self._random.sample(allowed, min(cards, len(allowed)))
        before = {number: self.packing.places[number] for card in torn for number in self.packing.on_card[card]}
        for number in before:
            self.packing.remove(number)
        rebuilt = self._rebuild([*before, *waiting], noise=NOISE)
        gain = self._worth(rebuilt) - self._worth(before)
        if gain >= 0:
            self.total += gain
            return
        for number in rebuilt:
            self.packing.remove(number)
        for number, place in before.items():
            self.packing.add(number, place)

    def _rebuild(self, numbers: Iterable[int], noise: float) -> list[int]:
        """Put in what has room, the densest first; who got a place."""
        density, random = self._density, self._random
        order = sorted(numbers, key=lambda number: -density[number] * (1 + noise * (random.random() - 0.5)))
        placed = []
        for number in order:
            place = self._snuggest(number)
            if place is not None:
                self.packing.add(number, place)
                placed.append(number)
        return placed

    def _snuggest(self, number: int) -> Place | None:
        """The place that leaves least free."""
        options = self.packing.options(number)
        return min(options, key=lambda place: self._left(number, place)) if options else None

    def _left(self, number: int, place: Place) -> float:
        packing, way = self.packing, self.problem.items[number].ways[place[0]]
        left = 0.0
        for card in place[1]:
            compute, amount = way.on_card[card][0]
            left += (packing.memory[card] - packing.memory_for(way.shape, card)) / self._memory
            left += (packing.budgets[compute] - amount) / self._compute
        return left

    def _size(self, item: Item) -> float:
        """What the item takes of the fleet's memory and compute together."""
        shape = item.ways[0].shape
        memory = shape.memory_mib + shape.weights_mib / 2
        return shape.cards * (memory / self._memory + shape.compute_milli / self._compute) + 1e-9

    def _worth(self, numbers: Iterable[int]) -> int:
        return sum(self.problem.items[number].request.priority for number in numbers)
