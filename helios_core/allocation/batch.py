"""Place many agents at once: as much priority as possible gets a place, proved where the effort suffices."""

from collections.abc import Mapping, Sequence

from helios_core.allocation.cells import cells_of
from helios_core.allocation.exact import Exact
from helios_core.allocation.ledger import Promise
from helios_core.allocation.packing import Place
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.problem import Problem
from helios_core.allocation.requests import Request
from helios_core.allocation.search import Search

ROUNDS_PER_SECOND = 3000
"""Rounds of local search for one second of effort: a quarter of it, on one core."""
EXACT_PART = 0.36
"""What part of the effort the exact search may take."""
LEAST_EXACT = 0.02
"""Below so many seconds the exact search is not worth its start."""


def place_all(placer: Placer, requests: Sequence[Request], effort: float = 0.15) -> list[Promise]:
    """Promise places to as many of these requests as their priorities make worth most; the rest are left out.

    `effort`: about so many seconds of one core, counted in steps and not by a clock. Requests that need no card are
    placed first. On a fleet of more than 16 cards the rest are placed one by one, the highest priority first, and then
    cell by cell in favour of those without a place.
    """
    hosted = [placer.place(request) for request in requests if not request.kind.cards]
    carded = [request for request in requests if request.kind.cards]
    cells = list(cells_of(placer.ledger))
    if len(cells) > 1:
        for request in sorted(carded, key=lambda request: -request.priority):
            placer.place(request)
    for cell in cells:
        if all(request.agent in placer.ledger.promises for request in carded):
            break
        _fill(placer, carded, cell, effort / len(cells))
    promises = placer.ledger.promises
    return [promise for promise in hosted if promise] + [promises[r.agent] for r in carded if r.agent in promises]


def best_places(problem: Problem, effort: float) -> dict[int, Place]:
    """By item: where it goes, so that those who have a place have as much priority as possible."""
    search = Search(problem)
    search.improve(round(ROUNDS_PER_SECOND * effort))
    places = search.packing.places
    exact_effort = EXACT_PART * effort
    if len(places) == len(problem.items) or exact_effort < LEAST_EXACT:
        return places
    return _better(problem, places, search.total, exact_effort) or places


def _better(problem: Problem, places: Mapping[int, Place], total: int, effort: float) -> dict[int, Place] | None:
    """Places that are worth more than `total`; None where there are none, or none were found."""
    exact = Exact.of(problem)
    worth = sum(item.request.priority * spot for n, item in enumerate(problem.items) for spot in exact.spots[n])
    exact.model.add(worth >= total + 1)
    exact.model.maximize(worth)
    exact.hint(places)
    return exact.solve(effort).places


def _fill(placer: Placer, requests: Sequence[Request], cell: Sequence[int], effort: float) -> None:
    """Place those of the requests that are in the cell, and those that wait, anew."""
    promises, inside = placer.ledger.promises, set(cell)
    before = {
        r.agent: promises[r.agent] for r in requests if r.agent in promises and inside & set(promises[r.agent].cards)
    }
    waiting = [request for request in requests if request.agent not in promises]
    for agent in before:
        placer.release(agent)
    candidates = [promise.request for promise in before.values()] + waiting
    problem = Problem.of(placer.policy, candidates, cell)
    places = best_places(problem, effort)
    if sum(problem.items[n].request.priority for n in places) < sum(p.request.priority for p in before.values()):
        for promise in before.values():
            placer.promise(promise.request, Choice(promise.shape, promise.host, promise.cards))
        return
    promise_all(placer, problem, places)


def promise_all(placer: Placer, problem: Problem, places: Mapping[int, Place]) -> None:
    """Promise every item its place."""
    for number in sorted(places):
        index, cards = places[number]
        request = problem.items[number].request
        placer.promise(request, Choice(problem.items[number].ways[index].shape, problem.hosts[cards[0]], cards))
