"""Load-balancing rules as their list and form show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import LoadBalancingRule
from helios_core.services.rules import Contradiction, RuleFields, contradictions


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; a limit that it does not set is None. A save names `updated_at` as what its editor saw."""

    id: int
    name: str
    description: str
    strategy: str
    priority: int
    is_active: bool
    is_in_force: bool
    """Whether it is active and the present moment lies in its time; its hours of the day are not looked at."""
    conditions: Mapping[str, Any]
    max_utilization_percent: int | None
    max_memory_percent: int | None
    max_temperature_celsius: int | None
    max_agents_per_gpu: int | None
    applies_plans: bool
    """Whether plans that bring a card back within the rule are applied without asking."""
    valid_from: datetime | None
    valid_until: datetime | None
    created_at: datetime
    updated_at: datetime
    contradictions: tuple[Contradiction, ...]
    """Active rules of the same priority that may hold at once and say otherwise."""


def list_rules(session: Session) -> tuple[Rule, ...]:
    """Every rule, those that go first first."""
    order = (LoadBalancingRule.priority.desc(), LoadBalancingRule.name)
    rows = session.execute(select(LoadBalancingRule, func.now()).order_by(*order)).all()
    return tuple(_rule(session, row, now) for row, now in rows)


def find_rule(session: Session, rule_id: int) -> Rule:
    """One rule, or NotFound."""
    found = session.execute(select(LoadBalancingRule, func.now()).where(LoadBalancingRule.id == rule_id)).one_or_none()
    if found is None:
        message = f"There is no rule {rule_id}."
        raise NotFound(message)
    return _rule(session, *found)


def _rule(session: Session, row: LoadBalancingRule, now: datetime) -> Rule:
    has_begun = row.valid_from is None or row.valid_from <= now
    has_ended = row.valid_until is not None and row.valid_until <= now
    return Rule(
        id=row.id,
        name=row.name,
        description=row.description,
        strategy=row.strategy,
        priority=row.priority,
        is_active=row.is_active,
        is_in_force=row.is_active and has_begun and not has_ended,
        conditions=row.conditions,
        max_utilization_percent=row.max_utilization_percent,
        max_memory_percent=row.max_memory_percent,
        max_temperature_celsius=row.max_temperature_celsius,
        max_agents_per_gpu=row.max_agents_per_gpu,
        applies_plans=row.applies_plans,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        created_at=row.created_at,
        updated_at=row.updated_at,
        contradictions=contradictions(session, RuleFields.of(row), row.id),
    )
