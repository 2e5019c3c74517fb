"""Rebalance: the fewest moves after which everybody has a place, or no card is loaded beyond a limit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from helios_core.allocation.cells import cells_of
from helios_core.allocation.exact import Exact
from helios_core.allocation.ledger import Ledger, Promise
from helios_core.allocation.packing import Packing, Place
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.policy import Policy
from helios_core.allocation.problem import Problem
from helios_core.allocation.requests import Request

MOVE = 2**20
"""One move more is worse than any memory moved, in MiB."""


@dataclass(frozen=True, slots=True)
class Move:
    """An agent that leaves its cards, or has none yet, and where it goes."""

    request: Request
    before: tuple[int, ...]
    choice: Choice


@dataclass(frozen=True, slots=True)
class Plan:
    """Moves to be made together: all leave, then all arrive. `is_fewest`: it is proved that fewer do not suffice."""

    moves: tuple[Move, ...]
    is_fewest: bool

    @property
    def migrations(self) -> int:
        """How many agents leave a place."""
        return sum(bool(move.before) for move in self.moves)

    def apply(self, placer: Placer) -> None:
        """Make the moves; ValueError where the ledger is no longer what the plan was made for."""
        for move in self.moves:
            if move.before:
                placer.release(move.request.agent)
        for move in self.moves:
            placer.promise(move.request, move.choice)


def rebalance(
    placer: Placer, pending: Sequence[Request] = (), max_load_percent: float | None = None, effort: float = 1.0
) -> Plan | None:
    """The plan with the fewest moves that gives the pending agents a place; None where none was found.

    `max_load_percent`: what no card may be loaded beyond afterwards, of its memory and of its compute. Agents on a lost
    card must leave it; all others may stay wherever they are. Of equally few moves the ones that move least memory.
    `effort`: about so many seconds of one core. A fleet of more than 16 cards is balanced cell by cell, and the pending
    agents go to the cell where that takes fewest moves.
    """
    policy = Policy(_scratch(placer.ledger), placer.policy.rules, placer.policy.quotas_mib)
    cells = [_Cell(policy, cards, max_load_percent) for cards in cells_of(policy.ledger)]
    plans = {
        number: cell.plan((), effort / len(cells)) for number, cell in enumerate(cells) if not pending or cell.is_due
    }
    if pending:
        found = list(_until_near((n, cell.plan(pending, effort / len(cells))) for n, cell in enumerate(cells)))
        if not found:
            return None
        number, plan = min(found, key=lambda pair: (pair[1].migrations, pair[0]))
        plans[number] = plan
    known = [plan for plan in plans.values() if plan is not None]
    if len(known) < len(plans):
        return None
    moves = tuple(chain.from_iterable(plan.moves for plan in known))
    return Plan(moves, is_fewest=all(plan.is_fewest for plan in known) and (len(cells) == 1 or not pending))


def _until_near(plans: Iterable[tuple[int, Plan | None]]) -> Iterator[tuple[int, Plan]]:
    """The plans that there are, up to one that no other can beat by much."""
    for number, plan in plans:
        if plan is not None:
            yield number, plan
            if plan.migrations <= 1:
                return


def _scratch(ledger: Ledger) -> Ledger:
    """A copy in which a card's reading is what others than our agents use of it."""
    copy = ledger.copy()
    for card in copy.cards:
        foreign = max((card.gpu.measured_memory_mib or 0) - card.promised_mib, 0)
        copy.update(replace(card.gpu, measured_memory_mib=foreign))
    return copy


class _Cell:
    """The cards of a cell, and who is on them."""

    def __init__(self, policy: Policy, cards: Sequence[int], max_load_percent: float | None) -> None:
        self._policy = policy
        self._cards = cards
        self._max_load_percent = max_load_percent
        agents = dict.fromkeys(agent for position in cards for agent in policy.ledger.cards[position].agents)
        self._held = [policy.ledger.promises[agent] for agent in agents]

    @property
    def is_due(self) -> bool:
        """Whether something here has to move whoever comes: a card is lost, or a limit is asked for."""
        return self._max_load_percent is not None or any(self._is_stranded(promise) for promise in self._held)

    def plan(self, pending: Sequence[Request], effort: float) -> Plan | None:
        """The fewest moves in this cell; None where none were found."""
        problem = self._problem(pending)
        homes = {n: _home(promise) for n, promise in enumerate(self._held) if not self._is_stranded(promise)}
        if len(pending) == 1 and not self.is_due:
            near = _nearest(problem, homes)
            if near is not None:
                return self._as_plan(problem, near, is_fewest=True)
        exact = Exact.of(problem)
        for number in range(len(problem.items)):
            exact.require(number)
        costs = []
        for number, (index, cards) in homes.items():
            stays = exact.model.new_bool_var("")
            for card in cards:
                exact.model.add_implication(stays, exact.parts[number, index, card])
            costs.append((1 - stays) * _price(problem, number, index))
        exact.model.minimize(sum(costs))
        exact.hint(homes)
        answer = exact.solve(effort)
        return None if answer.places is None else self._as_plan(problem, answer.places, is_fewest=answer.is_proved)

    def _problem(self, pending: Sequence[Request]) -> Problem:
        """Everybody here anew, in a ledger that holds only who is elsewhere."""
        ledger = self._policy.ledger
        for promise in self._held:
            ledger.release(promise.request.agent)
        homes = {p.request.agent: p.cards for p in self._held if not self._is_stranded(p)}
        requests = [*(promise.request for promise in self._held), *pending]
        problem = Problem.of(self._policy, requests, self._cards, homes)
        for promise in self._held:
            ledger.restore(promise)
        _tolerate(problem, {n: _home(p) for n, p in enumerate(self._held) if not self._is_stranded(p)})
        if self._max_load_percent is not None:
            self._limit(problem, self._max_load_percent)
        return problem

    def _limit(self, problem: Problem, percent: float) -> None:
        for position in self._cards:
            gpu, compute = self._policy.ledger.cards[position].gpu, problem.numbers.get(("compute", position))
            problem.memory_mib[position] -= int((100 - percent) * gpu.capacity_mib / 100)
            if compute is not None:
                problem.budgets[compute] -= int((100 - percent) * gpu.compute_milli / 100)

    def _is_stranded(self, promise: Promise) -> bool:
        return any(self._policy.ledger.cards[position].gpu.health == "lost" for position in promise.cards)

    def _as_plan(self, problem: Problem, places: Mapping[int, Place], *, is_fewest: bool) -> Plan:
        moves = []
        for number, (index, cards) in sorted(places.items()):
            before = self._held[number].cards if number < len(self._held) else ()
            if before != cards:
                item = problem.items[number]
                choice = Choice(item.ways[index].shape, problem.hosts[cards[0]], cards)
                moves.append(Move(item.request, before, choice))
        return Plan(tuple(moves), is_fewest)


def _home(promise: Promise) -> Place:
    return promise.request.kind.shapes.index(promise.shape), promise.cards


def _price(problem: Problem, number: int, index: int) -> int:
    return MOVE + problem.items[number].ways[index].shape.memory_mib


def _tolerate(problem: Problem, homes: Mapping[int, Place]) -> None:
    """Let everybody stay, though a rule that came later or a drift would not have let them in."""
    packing = Packing(problem)
    for number, place in homes.items():
        packing.add(number, place)
    for card, left in packing.memory.items():
        problem.memory_mib[card] += max(-left, 0)
    for budget, left in enumerate(packing.budgets):
        problem.budgets[budget] += max(-left, 0)


def _nearest(problem: Problem, homes: Mapping[int, Place]) -> dict[int, Place] | None:
    """Places for all with the one item that has no home placed, where no move or one suffices."""
    packing = Packing(problem)
    for number, place in homes.items():
        packing.add(number, place)
    new = len(problem.items) - 1
    direct = packing.options(new)
    if direct:
        return {**homes, new: direct[0]}
    for number, home in sorted(homes.items(), key=lambda pair: _price(problem, pair[0], pair[1][0])):
        packing.remove(number)
        for place in packing.options(new):
            packing.add(new, place)
            elsewhere = packing.options(number)
            packing.remove(new)
            if elsewhere:
                return {**homes, number: elsewhere[0], new: place}
        packing.add(number, home)
    return None
