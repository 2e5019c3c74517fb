"""Limits: the rules and constraints that hold at a moment, as placement takes them.

Every decision reads them in its own transaction, so that a change holds for the next decision, wherever it is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.allocation.rules import LIMITS, Rule, Strategy, in_order
from helios_core.models import LoadBalancingRule, ResourceConstraint
from helios_core.services.conditions import Hours, stored_conditions
from helios_core.services.constraints import ConstraintFields
from helios_core.services.promises import gib
from helios_core.services.rules import RuleFields


class ModelLimits(NamedTuple):
    """What one model needs of a card, and of whoever uses it."""

    model_name: str
    min_memory_mb: int | None
    max_context_tokens: int | None
    min_compute_capability: str | None
    max_agents_per_gpu: int | None
    is_exclusive: bool
    allows_split: bool

    def objection(self, memory_mib: int, context_tokens: int | None) -> str | None:
        """Why no card may have an agent with this much memory and context, whatever is free."""
        least, most = self.min_memory_mb, self.max_context_tokens
        if least is not None and memory_mib < least:
            return f"{self.model_name} needs at least {gib(least)} GiB; the agent is to get {gib(memory_mib)}"
        if most is not None and context_tokens is not None and context_tokens > most:
            return f"{self.model_name} has at most {most:,} tokens of context; the agent asks for {context_tokens:,}"
        return None


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds. Rules by their names, the highest priority first; constraints by provider and model."""

    rules: tuple[Rule, ...] = ()
    constraints: Mapping[tuple[str, str], ConstraintFields] = field(default_factory=dict)
    applying: frozenset[str] = frozenset()
    """The names of the rules for whose sake plans are applied without asking."""

    def of_model(self, provider: str, model_name: str) -> "ModelLimits | None":
        """What the model needs."""
        found = self.constraints.get((provider, model_name))
        return None if found is None else ModelLimits(*(getattr(found, name) for name in ModelLimits._fields))

    def with_rule(self, before: str | None, rule: Rule | None, *, applies_plans: bool = False) -> "Limits":
        """These limits with one rule in the place of the one that is called `before`."""
        rules = [other for other in self.rules if other.name != before]
        applying = self.applying - {before}
        if rule is None:
            return replace(self, rules=tuple(rules), applying=frozenset(applying))
        names = applying | {rule.name} if applies_plans else applying
        return replace(self, rules=in_order([*rules, rule]), applying=frozenset(names))

    def with_constraint(self, before: tuple[str, str] | None, constraint: ConstraintFields | None) -> "Limits":
        """These limits with one constraint in the place of another."""
        constraints = {key: other for key, other in self.constraints.items() if key != before}
        if constraint is not None:
            constraints[constraint.model_provider.value, constraint.model_name] = constraint
        return replace(self, constraints=constraints)


@dataclass(frozen=True, slots=True)
class StoredLimits:
    """The rules that are active, whether they hold at this moment or at another, and the constraints."""

    rules: tuple[RuleFields, ...]
    constraints: Mapping[tuple[str, str], ConstraintFields]

    @classmethod
    def load(cls, session: Session) -> Self:
        """All there are."""
        rules = session.scalars(select(LoadBalancingRule).where(LoadBalancingRule.is_active))
        constraints = map(ConstraintFields.of, session.scalars(select(ResourceConstraint)))
        return cls(
            tuple(map(RuleFields.of, rules)),
            {(found.model_provider.value, found.model_name): found for found in constraints},
        )

    def at(self, now: datetime) -> Limits:
        """What holds at this moment."""
        held = [rule for rule in self.rules if holds_at(rule, now)]
        applying = frozenset(rule.name for rule in held if rule.applies_plans)
        return Limits(in_order(map(rule_of, held)), self.constraints, applying)


def holds_at(rule: RuleFields, now: datetime) -> bool:
    """Whether the moment lies in the rule's time and in its hours of the day."""
    has_begun = rule.valid_from is None or rule.valid_from <= now
    has_ended = rule.valid_until is not None and rule.valid_until <= now
    hours = stored_conditions(rule.conditions).hours
    return rule.is_active and has_begun and not has_ended and (hours is None or _is_within(hours, now))


def rule_of(rule: RuleFields) -> Rule:
    """The rule as the engine takes it."""
    about = stored_conditions(rule.conditions)
    return Rule(
        name=rule.name,
        strategy=Strategy(rule.strategy),
        priority=rule.priority,
        gpu_ids=frozenset(about.gpu_ids),
        agents=frozenset(about.agent_ids),
        owners=frozenset(about.user_ids),
        models=frozenset(about.models),
        **{limit: getattr(rule, limit) for limit in LIMITS},
    )


def _is_within(hours: Hours, now: datetime) -> bool:
    there = now.astimezone(ZoneInfo(hours.timezone))
    return 60 * there.hour + there.minute in hours.minutes()
