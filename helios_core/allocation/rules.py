"""Rules in force: which strategy places an agent, and what no card may exceed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from helios_core.allocation.requests import Request


class Strategy(StrEnum):
    """What makes one card better than another. Ties go to the least loss of usable capacity."""

    PACK = "pack"
    """The least loss of usable capacity: keep room for what is likely to come."""
    SPREAD = "spread"
    """The card of which the least is promised."""
    LEAST_LOADED = "least_loaded"
    """The card with the lowest measured utilisation; without a reading, by what is promised of its compute."""
    THERMAL_HEADROOM = "thermal_headroom"
    """The coolest card; one without a reading comes last."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A strategy and limits for the agents and cards that the rule is about; an empty set is about all of them.

    The limits on memory and agents count what the rule is about, those on readings hold for the card.
    """

    name: str
    strategy: Strategy | None = None
    priority: int = 5
    gpu_ids: frozenset[int] = frozenset()
    agents: frozenset[str] = frozenset()
    owners: frozenset[int] = frozenset()
    models: frozenset[str] = frozenset()
    max_utilization_percent: int | None = None
    max_memory_percent: int | None = None
    max_temperature_celsius: int | None = None
    max_agents_per_gpu: int | None = None

    def is_about(self, request: Request) -> bool:
        """Whether the rule says anything about this agent."""
        return (
            (not self.agents or (request.role or request.agent) in self.agents)
            and (not self.owners or request.owner in self.owners)
            and (not self.models or request.kind.model in self.models)
        )

    def is_about_gpu(self, gpu_id: int) -> bool:
        """Whether the rule's limits hold on this card."""
        return not self.gpu_ids or gpu_id in self.gpu_ids


LIMITS = ("max_temperature_celsius", "max_utilization_percent", "max_agents_per_gpu", "max_memory_percent")


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The highest priority first; of two equal ones the first by name."""
    return tuple(sorted(rules, key=lambda rule: (-rule.priority, rule.name)))


def strategy_of(rules: Sequence[Rule]) -> Strategy:
    """The strategy of the first of these rules that has one."""
    return next((rule.strategy for rule in rules if rule.strategy is not None), Strategy.PACK)


def limiting(rules: Sequence[Rule], gpu_id: int, limit: str) -> Rule | None:
    """The rule that sets this limit on the card: of rules that contradict each other the first holds."""
    return next((rule for rule in rules if getattr(rule, limit) is not None and rule.is_about_gpu(gpu_id)), None)
