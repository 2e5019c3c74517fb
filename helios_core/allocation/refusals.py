"""Why a card does not take an agent: one check a reason, in the order in which they are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from helios_core.allocation.ledger import Card, Ledger
from helios_core.allocation.requests import Kind, Request, Shape
from helios_core.allocation.rules import Rule, limiting


class Reason(StrEnum):
    """What was in the way."""

    FIXED = "fixed"
    HEALTH = "health"
    GPU_TYPE = "gpu_type"
    CAPABILITY = "capability"
    LABELS = "labels"
    TEMPERATURE = "temperature"
    UTILIZATION = "utilization"
    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti_affinity"
    EXCLUSIVE = "exclusive"
    MODEL_AGENTS = "model_agents"
    CARD_AGENTS = "card_agents"
    RULE_AGENTS = "rule_agents"
    RULE_MEMORY = "rule_memory"
    MEMORY = "memory"
    COMPUTE = "compute"
    HOST = "host"
    CARDS = "cards"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a card, or where `gpu_id` is None every card, is refused; `cause` ends the sentence."""

    gpu_id: int | None
    reason: Reason
    cause: str

    @property
    def sentence(self) -> str:
        """The refusal in one line."""
        return f"Refused, {self.cause}." if self.gpu_id is None else f"GPU {self.gpu_id}: refused, {self.cause}."


class Question(NamedTuple):
    """A request in one of its shapes, with the rules that are about it, put to one card after another."""

    ledger: Ledger
    request: Request
    shape: Shape
    rules: Sequence[Rule]


Check = Callable[[Question, Card], "tuple[Reason, str] | None"]


def refusal(question: Question, card: Card, checks: Sequence[Check]) -> Refusal | None:
    """The first of these checks that the card fails."""
    for check in checks:
        found = check(question, card)
        if found is not None:
            return Refusal(card.gpu.gpu_id, *found)
    return None


def passes(question: Question, card: Card, checks: Sequence[Check]) -> bool:
    """Whether the card fails none of these checks."""
    for check in checks:  # noqa: SIM110 - a generator costs more than the checks
        if check(question, card) is not None:
            return False
    return True


class Concerns(NamedTuple):
    """What besides the kind decides which checks a request can fail."""

    is_fixed: bool
    has_affinity: bool
    has_anti_affinity: bool
    has_rules: bool
    meets_exclusive: bool
    meets_limits: bool


def standing_checks(request: Request, rules: Sequence[Rule], ledger: Ledger) -> tuple[Check, ...]:
    """All checks that this request can fail, but for room."""
    concerns = Concerns(
        bool(request.fixed_gpus),
        request.affinity is not None,
        request.anti_affinity is not None,
        bool(rules),
        ledger.exclusives > 0,
        ledger.limits_agents,
    )
    return _standing_checks(request.kind, concerns)


@lru_cache(maxsize=4096)
def _standing_checks(kind: Kind, concerns: Concerns) -> tuple[Check, ...]:
    asked: list[tuple[object, Check]] = [
        (concerns.is_fixed, _fixed),
        (True, _health),
        (kind.gpu_types, _gpu_type),
        (kind.min_capability > (0, 0), _capability),
        (kind.labels, _labels),
        (concerns.has_rules, _temperature),
        (concerns.has_rules, _utilization),
        (concerns.has_affinity, _affinity),
        (concerns.has_anti_affinity, _anti_affinity),
        (concerns.meets_exclusive or kind.is_exclusive, _exclusive),
        (kind.max_agents_per_gpu is not None, _model_agents),
        (concerns.meets_limits, _card_agents),
        (concerns.has_rules, _rule_agents),
        (concerns.has_rules, _rule_memory),
    ]
    return tuple(check for is_asked, check in asked if is_asked)


def _fixed(question: Question, card: Card) -> tuple[Reason, str] | None:
    fixed = question.request.fixed_gpus
    if card.gpu.gpu_id in fixed:
        return None
    return Reason.FIXED, f"the agent is fixed to {' and '.join(f'GPU {gpu_id}' for gpu_id in fixed)}"


def _health(_question: Question, card: Card) -> tuple[Reason, str] | None:
    if card.takes_new:
        return None
    state = f"its health is {card.gpu.health}" if card.gpu.is_enabled else "it is switched off"
    return Reason.HEALTH, f"{state}: it takes nothing new"


def _gpu_type(question: Question, card: Card) -> tuple[Reason, str] | None:
    wanted = question.request.kind.gpu_types
    if card.gpu.gpu_type in wanted:
        return None
    return Reason.GPU_TYPE, f"its type is {card.gpu.gpu_type or 'unknown'}; the agent needs {_either(wanted)}"


def _capability(question: Question, card: Card) -> tuple[Reason, str] | None:
    wanted, has = question.request.kind.min_capability, card.gpu.capability
    if has >= wanted:
        return None
    known = "its compute capability is unknown" if has == (0, 0) else f"compute capability {has[0]}.{has[1]}"
    return Reason.CAPABILITY, f"{known}; the model needs {wanted[0]}.{wanted[1]}"


def _labels(question: Question, card: Card) -> tuple[Reason, str] | None:
    missing = question.request.kind.labels - card.gpu.labels
    return (Reason.LABELS, f"it lacks the label {_either(missing)}") if missing else None


def _temperature(question: Question, card: Card) -> tuple[Reason, str] | None:
    measured = card.gpu.temperature_celsius
    rule = limiting(question.rules, card.gpu.gpu_id, "max_temperature_celsius")
    if rule is None or rule.max_temperature_celsius is None or measured is None:
        return None
    return _reading(Reason.TEMPERATURE, measured, rule.max_temperature_celsius, "°C", rule)


def _utilization(question: Question, card: Card) -> tuple[Reason, str] | None:
    measured = card.gpu.utilization_percent
    rule = limiting(question.rules, card.gpu.gpu_id, "max_utilization_percent")
    if rule is None or rule.max_utilization_percent is None or measured is None:
        return None
    return _reading(Reason.UTILIZATION, measured, rule.max_utilization_percent, "% utilisation", rule)


def _reading(reason: Reason, measured: float, limit: int, unit: str, rule: Rule) -> tuple[Reason, str] | None:
    if measured < limit:
        return None
    where = f"at rule '{rule.name}'’s limit" if measured == limit else f"above rule '{rule.name}'’s limit of {limit}"
    return reason, f"{measured:g} {unit} is {where}"


def _affinity(question: Question, card: Card) -> tuple[Reason, str] | None:
    group = question.request.affinity or ""
    companions = question.ledger.companions(group)
    if not companions or card.position in companions:
        return None
    there = ", ".join(f"GPU {question.ledger.cards[position].gpu.gpu_id}" for position in sorted(companions))
    return Reason.AFFINITY, f"the agents of '{group}' that it belongs with are on {there}"


def _anti_affinity(question: Question, card: Card) -> tuple[Reason, str] | None:
    group = question.request.anti_affinity or ""
    if card.position not in question.ledger.rivals(group):
        return None
    rivals = question.ledger.anti_affinities[group]
    name = next(agent for agent, cards in rivals.items() if card.position in cards)
    return Reason.ANTI_AFFINITY, f"{name} is here, and agents of '{group}' are kept apart"


def _exclusive(question: Question, card: Card) -> tuple[Reason, str] | None:
    kind = question.request.kind
    if not (kind.is_exclusive or card.exclusive):
        return None
    for agent, promise in card.agents.items():
        other = promise.request.kind
        if (kind.is_exclusive or other.is_exclusive) and (other.model is None or other.model != kind.model):
            alone = kind if kind.is_exclusive else other
            return Reason.EXCLUSIVE, f"{agent} is here, and {alone.model or 'the agent'} shares with no other model"
    return None


def _model_agents(question: Question, card: Card) -> tuple[Reason, str] | None:
    kind = question.request.kind
    here = sum(promise.request.kind.model == kind.model for promise in card.agents.values())
    if kind.max_agents_per_gpu is None or here < kind.max_agents_per_gpu:
        return None
    return (
        Reason.MODEL_AGENTS,
        f"{_agents(here)} with {kind.model or 'no model'} here already; the model allows no more",
    )


def _card_agents(_question: Question, card: Card) -> tuple[Reason, str] | None:
    if card.gpu.max_agents is None or len(card.agents) < card.gpu.max_agents:
        return None
    return Reason.CARD_AGENTS, f"{_agents(len(card.agents))} here already; the card takes no more"


def _rule_agents(question: Question, card: Card) -> tuple[Reason, str] | None:
    rule = limiting(question.rules, card.gpu.gpu_id, "max_agents_per_gpu")
    if rule is None or rule.max_agents_per_gpu is None:
        return None
    here = sum(rule.is_about(promise.request) for promise in card.agents.values())
    if here < rule.max_agents_per_gpu:
        return None
    return Reason.RULE_AGENTS, f"{_agents(here)} here already; rule '{rule.name}' allows no more"


def _rule_memory(question: Question, card: Card) -> tuple[Reason, str] | None:
    rule = limiting(question.rules, card.gpu.gpu_id, "max_memory_percent")
    if rule is None or rule.max_memory_percent is None or not card.gpu.capacity_mib:
        return None
    after = card.memory_for(question.shape) + promised_under(rule, card)
    percent = 100 * after / card.gpu.capacity_mib
    if percent <= rule.max_memory_percent:
        return None
    limit = f"rule '{rule.name}'’s limit is {rule.max_memory_percent} %"
    return Reason.RULE_MEMORY, f"{percent:.1f} % of its memory would be promised; {limit}"


def promised_under(rule: Rule, card: Card) -> int:
    """What of the card's memory is promised to agents that the rule is about, in MiB; shared weights count once."""
    loaded = set()
    total = 0
    for promise in card.agents.values():
        if not rule.is_about(promise.request):
            continue
        shape = promise.shape
        total += shape.memory_mib if shape.model in loaded else shape.memory_mib + shape.weights_mib
        if shape.model is not None:
            loaded.add(shape.model)
    return total


def room(question: Question, card: Card) -> tuple[Reason, str] | None:
    """Whether memory, compute and the host suffice."""
    shape, needed = question.shape, card.memory_for(question.shape)
    if card.free_memory_mib < needed:
        free = f"{gib(card.free_memory_mib)} of {gib(card.gpu.capacity_mib)} GiB free"
        return Reason.MEMORY, f"{free}; the agent needs {gib(needed)}"
    if card.free_compute_milli < shape.compute_milli:
        free = f"{_percent(card.free_compute_milli)} of a card's compute free"
        return Reason.COMPUTE, f"{free}; the agent needs {_percent(shape.compute_milli)}"
    return None if card.host.has_room_for(question.shape) else _host(question, card)


def other_cards(question: Question, card: Card, checks: Sequence[Check]) -> tuple[Reason, str] | None:
    """Whether the host has as many cards with room as the shape needs."""
    wanted = question.shape.cards
    found = sum(passes(question, other, (*checks, room)) for other in card.host.cards)
    if found >= wanted:
        return None
    return Reason.CARDS, f"{found} of the {wanted} cards that the agent needs have room on its host"


def _host(question: Question, card: Card) -> tuple[Reason, str]:
    kind, host = question.request.kind, card.host
    if host.free_cpu_milli < kind.host_cpu_milli:
        free, needed = f"{host.free_cpu_milli / 1000:g} cores", f"{kind.host_cpu_milli / 1000:g}"
    else:
        free, needed = f"{gib(host.free_memory_mib)} GiB of memory", gib(kind.host_memory_mib)
    return Reason.HOST, f"its host {host.host.name} has {free} free; the agent needs {needed}"


def gib(mib: int) -> str:
    """MiB as GiB with one decimal."""
    return f"{mib / 1024:.1f}"


def _percent(milli: int) -> str:
    return f"{milli / 10:g} %"


def _agents(number: int) -> str:
    return "1 agent is" if number == 1 else f"{number} agents are"


def _either(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))


STATIC: frozenset[Check] = frozenset((_health, _gpu_type, _capability, _labels))
"""The checks that depend on the kind and the card alone."""
