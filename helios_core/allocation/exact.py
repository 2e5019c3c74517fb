"""Many agents at once, exactly: a problem as a model for CP-SAT (OR-Tools), which finds the best or the proof of it.

One worker, a fixed seed and a limit in deterministic time, so that the same problem always has the same answer.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helios_core.allocation.packing import Place
from helios_core.allocation.problem import Draws, Problem, Way
from helios_core.allocation.requests import LoadedModel
from helios_core.allocation.search import SEED

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, IntVar


@dataclass(frozen=True, slots=True)
class Answer:
    """The places that were found, none where there are none, and whether nothing better exists."""

    places: dict[int, Place] | None
    is_proved: bool


@dataclass(slots=True)
class Exact:
    """The model: a yes or no for every item, way and card. Add an objective, then solve."""

    problem: Problem
    model: "CpModel"
    parts: dict[tuple[int, int, int], "IntVar"] = field(default_factory=dict)
    """By item, way and card: whether a part of the item is there."""
    spots: dict[int, list["IntVar"]] = field(default_factory=dict)
    """By item: its alternatives, of which one at most is taken."""
    _drawn: dict[int, list[tuple["IntVar", int]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, problem: Problem) -> "Exact":
        """The model of a problem: nobody gets more than there is."""
        from ortools.sat.python import cp_model  # noqa: PLC0415 - it takes half a second to load, and few need it

        exact = cls(problem, cp_model.CpModel())
        for number, item in enumerate(problem.items):
            exact.spots[number] = []
            for index, way in enumerate(item.ways):
                exact._add_way(number, index, way)
            exact.model.add_at_most_one(exact.spots[number])
        exact._limit_memory()
        exact._limit_budgets()
        exact._keep_alone()
        exact._keep_together()
        return exact

    def require(self, number: int) -> None:
        """The item must have a place."""
        self.model.add_exactly_one(self.spots[number])

    def hint(self, places: Mapping[int, Place]) -> None:
        """Where to begin the search."""
        for (number, index, card), part in self.parts.items():
            place = places.get(number)
            self.model.add_hint(part, place is not None and place[0] == index and card in place[1])

    def solve(self, effort: float) -> Answer:
        """Search for about so many seconds of one core, counted in CP-SAT's deterministic time."""
        from ortools.sat.python import cp_model  # noqa: PLC0415

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = SEED
        solver.parameters.max_deterministic_time = effort
        status = solver.solve(self.model)
        if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
            return Answer(None, is_proved=status == cp_model.INFEASIBLE)
        return Answer(self._places(solver.boolean_value), is_proved=status == cp_model.OPTIMAL)

    def _places(self, is_true: Callable[["IntVar"], bool]) -> dict[int, Place]:
        cards: dict[tuple[int, int], list[int]] = defaultdict(list)
        for (number, index, card), part in self.parts.items():
            if is_true(part):
                cards[number, index].append(card)
        return {number: (index, tuple(sorted(found))) for (number, index), found in cards.items()}

    def _add_way(self, number: int, index: int, way: Way) -> None:
        by_host: dict[int, list[IntVar]] = defaultdict(list)
        for card, draws in way.on_card.items():
            part = self.parts[number, index, card] = self.model.new_bool_var("")
            self._draw(part, draws)
            by_host[self.problem.hosts[card]].append(part)
        for host, parts in by_host.items():
            if way.shape.cards == 1:
                whole = parts
            else:
                whole = [self.model.new_bool_var("")]
                self.model.add(sum(parts) == way.shape.cards * whole[0])
            self.spots[number].extend(whole)
            for spot in whole:
                self._draw(spot, way.on_host[host])

    def _draw(self, spot: "IntVar", draws: Draws) -> None:
        for budget, amount in draws:
            self._drawn[budget].append((spot, amount))

    def _limit_budgets(self) -> None:
        for budget, drawn in self._drawn.items():
            self.model.add(sum(spot * amount for spot, amount in drawn) <= max(self.problem.budgets[budget], 0))

    def _limit_memory(self) -> None:
        """Each part takes its own memory; a model's weights are taken once where any part needs them."""
        taken: dict[int, list[tuple[IntVar, int]]] = defaultdict(list)
        users: dict[tuple[int, LoadedModel, int], list[IntVar]] = defaultdict(list)
        for (number, index, card), part in self.parts.items():
            shape = self.problem.items[number].ways[index].shape
            taken[card].append((part, shape.memory_mib))
            if shape.weights_mib and shape.model is not None and shape.model not in self.problem.resident[card]:
                users[card, shape.model, shape.weights_mib].append(part)
            elif shape.model is None:
                taken[card].append((part, shape.weights_mib))
        for (card, _, weights_mib), parts in users.items():
            loaded = self.model.new_bool_var("")
            for part in parts:
                self.model.add_implication(part, loaded)
            taken[card].append((loaded, weights_mib))
        for card, drawn in taken.items():
            self.model.add(sum(spot * mib for spot, mib in drawn) <= max(self.problem.memory_mib[card], 0))

    def _keep_alone(self) -> None:
        """An exclusive model shares its card with no other."""
        items, problem = self.problem.items, self.problem
        for (number, _, card), part in self.parts.items():
            item = items[number]
            if problem.exclusive[card] - {item.tenant}:
                self.model.add(part == 0)
            if not item.request.kind.is_exclusive:
                continue
            if problem.tenants[card] - {item.tenant}:
                self.model.add(part == 0)
            for (other, _, there), rival in self.parts.items():
                if there == card and items[other].tenant != item.tenant:
                    self.model.add_at_most_one(part, rival)

    def _keep_together(self) -> None:
        """Agents of one affinity share their cards, with those that are there already if any are."""
        homes: dict[tuple[str, int], IntVar] = {}
        for (number, _, card), part in self.parts.items():
            group = self.problem.items[number].request.affinity
            if group is None:
                continue
            if self.problem.companions[group]:
                self.model.add(part <= int(card in self.problem.companions[group]))
            else:
                home = homes.setdefault((group, card), self.model.new_bool_var(""))
                self.model.add_implication(part, home)
        for group in dict.fromkeys(group for group, _ in homes):
            self.model.add_at_most_one(home for (of, _), home in homes.items() if of == group)
