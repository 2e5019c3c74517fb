"""Evict: who has to go so that a more important agent gets a place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from helios_core.allocation.exact import Exact
from helios_core.allocation.ledger import Promise
from helios_core.allocation.packing import Packing
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.policy import Policy
from helios_core.allocation.problem import Problem
from helios_core.allocation.requests import Request

MANY_AGENTS = 2**10
"""More agents than any card holds: fewer lose their place only where equal priority is lost."""


@dataclass(frozen=True, slots=True)
class Eviction:
    """Agents that lose their place, and where the request goes then."""

    evicted: tuple[Promise, ...]
    choice: Choice

    @property
    def loss(self) -> tuple[int, int]:
        """The priority that is lost, and how many agents lose their place."""
        return sum(promise.request.priority for promise in self.evicted), len(self.evicted)

    def apply(self, placer: Placer, request: Request) -> Promise:
        """Release and promise; ValueError where the ledger is no longer what the eviction was made for."""
        for promise in self.evicted:
            placer.release(promise.request.agent)
        return placer.promise(request, self.choice)


def evict(placer: Placer, request: Request, effort: float = 0.2) -> Eviction | None:
    """The agents of lower priority that must go so that the request fits; None where even that does not suffice.

    As little priority as possible is lost, and then as few agents. Nobody of the same priority or a higher one goes.
    `effort`: about so many seconds of one core for the exact search on the card, or the host where the request needs
    several cards, on which least seems to be lost.
    """
    policy = Policy(placer.ledger.copy(), placer.policy.rules, placer.policy.quotas_mib)
    sites = list(_sites(policy, request))
    found = [(eviction, site) for site in sites if (eviction := site.greedy()) is not None]
    if not found:
        return None
    eviction, site = min(found, key=lambda pair: pair[0].loss)
    return (site.exact(effort) if len(eviction.evicted) > 1 else None) or eviction


def _sites(policy: Policy, request: Request) -> "Iterator[_Site]":
    """Each card by itself, or each host where the request needs several cards."""
    if any(shape.cards != 1 for shape in request.kind.shapes):
        groups = [[card.position for card in host.cards] for host in policy.ledger.hosts]
    else:
        groups = [[card.position] for card in policy.ledger.cards]
    for cards in groups:
        yield _Site(policy, request, cards)


class _Site:
    """Some cards, and who could go there."""

    def __init__(self, policy: Policy, request: Request, cards: Sequence[int]) -> None:
        ledger = policy.ledger
        here = {agent: promise for position in cards for agent, promise in ledger.cards[position].agents.items()}
        self._victims = [p for p in here.values() if p.request.priority < request.priority and p.request.kind.cards]
        for promise in self._victims:
            ledger.release(promise.request.agent)
        homes = {promise.request.agent: promise.cards for promise in self._victims}
        # Who is divided has parts on cards beside these, and leaves them or stays on them as a whole.
        cards = list(dict.fromkeys((*cards, *chain.from_iterable(homes.values()))))
        requests = [*(promise.request for promise in self._victims), request]
        self._problem = Problem.of(policy, requests, cards, homes)
        for promise in self._victims:
            ledger.restore(promise)

    def greedy(self) -> Eviction | None:
        """The least important go until there is room, and who need not have gone comes back."""
        packing = Packing(self._problem)
        for number, promise in enumerate(self._victims):
            packing.add(number, _home(promise))
        new = len(self._victims)
        gone = []
        for number in sorted(range(new), key=lambda n: (self._victims[n].request.priority, n)):
            if packing.options(new):
                break
            packing.remove(number)
            gone.append(number)
        options = packing.options(new)
        if not options:
            return None
        packing.add(new, options[0])
        for number in reversed(gone):
            if packing.fits(number, _home(self._victims[number])):
                packing.add(number, _home(self._victims[number]))
        return self._as_eviction(packing.places)

    def exact(self, effort: float) -> Eviction | None:
        """The least priority that can be lost here; None where the effort does not suffice."""
        exact = Exact.of(self._problem)
        exact.require(len(self._victims))
        kept = []
        for number, promise in enumerate(self._victims):
            index, cards = _home(promise)
            stays = exact.model.new_bool_var("")
            for card in cards:
                exact.model.add_implication(stays, exact.parts[number, index, card])
            exact.model.add(sum(exact.spots[number]) <= stays)
            kept.append(stays * (promise.request.priority * MANY_AGENTS + 1))
        exact.model.maximize(sum(kept))
        answer = exact.solve(effort)
        return None if answer.places is None else self._as_eviction(answer.places)

    def _as_eviction(self, places: dict[int, tuple[int, tuple[int, ...]]]) -> Eviction:
        index, cards = places[len(self._victims)]
        shape = self._problem.items[-1].ways[index].shape
        evicted = tuple(promise for number, promise in enumerate(self._victims) if number not in places)
        return Eviction(evicted, Choice(shape, self._problem.hosts[cards[0]], cards))


def _home(promise: Promise) -> tuple[int, tuple[int, ...]]:
    return promise.request.kind.shapes.index(promise.shape), promise.cards
