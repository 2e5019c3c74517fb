"""Many agents at once, on a fleet that is small enough to be searched: items, and the budgets that they draw on.

A card's memory is an account of its own, because agents of one model share its weights. Everything else that is
limited is a budget with a number: a card's compute, its places for agents, the one place of an anti-affinity on it, a
host's CPU and memory, what a rule or a quota leaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from helios_core.allocation.ledger import Card, owned_mib
from helios_core.allocation.policy import Policy
from helios_core.allocation.refusals import Question, passes, promised_under, standing_checks
from helios_core.allocation.requests import Kind, LoadedModel, Request, Shape
from helios_core.allocation.rules import limiting

Draws = tuple[tuple[int, int], ...]
"""Budgets by number, and how much is drawn of each."""
Homes = Mapping[str, tuple[int, ...]]
"""By agent: the cards where it is now."""


@dataclass(frozen=True, slots=True)
class Way:
    """One shape of an item: the cards that may serve it, what it draws on each, and once on each host."""

    shape: Shape
    on_card: dict[int, Draws]
    on_host: dict[int, Draws]


@dataclass(frozen=True, slots=True)
class Item:
    """An agent that wants a place."""

    request: Request
    ways: tuple[Way, ...]

    @property
    def tenant(self) -> object:
        """Who an exclusive model shares its card with: agents of the same model."""
        return self.request.kind.model or self.request.agent


@dataclass(slots=True)
class Problem:
    """Items, and what is left for them. By card: its host, its memory in MiB, and the models already loaded."""

    hosts: dict[int, int]
    memory_mib: dict[int, int]
    resident: dict[int, frozenset[LoadedModel]]
    tenants: dict[int, frozenset[object]]
    """Who is on the card already."""
    exclusive: dict[int, frozenset[object]]
    """Which of them want it for themselves."""
    companions: dict[str, frozenset[int]]
    """By affinity: the cards where it is at home."""
    items: list[Item] = field(default_factory=list)
    budgets: list[int] = field(default_factory=list)
    numbers: dict[tuple[object, ...], int] = field(default_factory=dict)
    """The number of each budget by what it is of."""

    @classmethod
    def of(cls, policy: Policy, requests: Sequence[Request], cards: Iterable[int], homes: Homes | None = None) -> Self:
        """Place these requests on these cards beside what the ledger holds; who has a home may stay there."""
        ledger, among = policy.ledger, [policy.ledger.cards[position] for position in cards]
        affinities = {request.affinity for request in requests if request.affinity is not None}
        problem = cls(
            hosts={card.position: card.host.position for card in among},
            memory_mib={card.position: card.free_memory_mib for card in among},
            resident={card.position: frozenset(card.loaded) for card in among},
            tenants={card.position: _tenants(card, exclusive=False) for card in among},
            exclusive={card.position: _tenants(card, exclusive=True) for card in among},
            companions={group: frozenset(ledger.companions(group)) for group in sorted(affinities)},
        )
        for request in requests:
            home = (homes or {}).get(request.agent, ())
            problem.items.append(problem._item(policy, request, among, home))
        return problem

    def _item(self, policy: Policy, request: Request, among: Sequence[Card], home: tuple[int, ...]) -> Item:
        about = policy.rules_about(request)
        checks = standing_checks(request, about, policy.ledger)
        ways = []
        for shape in request.kind.shapes:
            question = Question(policy.ledger, request, shape, about)
            open_cards = [card for card in among if card.position in home or passes(question, card, checks)]
            on_card = {card.position: self._card_draws(question, card) for card in open_cards}
            hosts = {card.host.position for card in open_cards}
            on_host = {host: self._host_draws(question, host, policy.quotas_mib) for host in sorted(hosts)}
            ways.append(Way(shape, on_card, on_host))
        return Item(request, tuple(ways))

    def _card_draws(self, question: Question, card: Card) -> Draws:
        kind, request, shape, here = question.request.kind, question.request, question.shape, card.position
        draws = [(self._budget(("compute", here), card.free_compute_milli), shape.compute_milli)]
        if card.gpu.max_agents is not None:
            draws.append((self._budget(("agents", here), card.gpu.max_agents - len(card.agents)), 1))
        if request.anti_affinity is not None:
            draws.append((self._budget(("apart", request.anti_affinity, here), 1), 1))
        draws.extend(self._model_draws(kind, card))
        draws.extend(self._rule_draws(question, card))
        return tuple(draws)

    def _model_draws(self, kind: Kind, card: Card) -> list[tuple[int, int]]:
        if kind.max_agents_per_gpu is None:
            return []
        taken = sum(promise.request.kind.model == kind.model for promise in card.agents.values())
        return [(self._budget(("model", kind.model, card.position), kind.max_agents_per_gpu - taken), 1)]

    def _rule_draws(self, question: Question, card: Card) -> list[tuple[int, int]]:
        """Weights count with every agent here, so that a rule is kept whoever shares them."""
        draws = []
        rule = limiting(question.rules, card.gpu.gpu_id, "max_agents_per_gpu")
        if rule is not None and rule.max_agents_per_gpu is not None:
            taken = sum(rule.is_about(promise.request) for promise in card.agents.values())
            budget = self._budget(("rule agents", rule.name, card.position), rule.max_agents_per_gpu - taken)
            draws.append((budget, 1))
        rule = limiting(question.rules, card.gpu.gpu_id, "max_memory_percent")
        if rule is not None and rule.max_memory_percent is not None:
            left = rule.max_memory_percent * card.gpu.capacity_mib // 100 - promised_under(rule, card)
            budget = self._budget(("rule memory", rule.name, card.position), left)
            draws.append((budget, question.shape.memory_mib + question.shape.weights_mib))
        return draws

    def _host_draws(self, question: Question, host: int, quotas_mib: Mapping[int | None, int]) -> Draws:
        kind, request, account = question.request.kind, question.request, question.ledger.hosts[host]
        draws = []
        if kind.host_cpu_milli:
            draws.append((self._budget(("cpu", host), account.free_cpu_milli), kind.host_cpu_milli))
        if kind.host_memory_mib:
            draws.append((self._budget(("ram", host), account.free_memory_mib), kind.host_memory_mib))
        if request.owner in quotas_mib:
            left = quotas_mib[request.owner] - question.ledger.promised_to_owner_mib.get(request.owner, 0)
            draws.append((self._budget(("quota", request.owner), left), owned_mib(question.shape)))
        return tuple(draws)

    def _budget(self, name: tuple[object, ...], amount: int) -> int:
        number = self.numbers.setdefault(name, len(self.budgets))
        if number == len(self.budgets):
            self.budgets.append(amount)
        return number


def _tenants(card: Card, *, exclusive: bool) -> frozenset[object]:
    return frozenset(
        promise.request.kind.model or agent
        for agent, promise in card.agents.items()
        if promise.request.kind.is_exclusive or not exclusive
    )
