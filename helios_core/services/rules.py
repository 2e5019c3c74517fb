"""Rules: the operators' policies of placement, which never contradict each other unresolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.allocation.rules import LIMITS, Strategy
from helios_core.errors import InvalidInput
from helios_core.models import AgentConfiguration, GPUResource, LoadBalancingRule, User
from helios_core.services.conditions import Conditions, conditions_of, stored_conditions
from helios_core.services.editing import Fields, opened, remove, store
from helios_core.services.permissions import Action, require

Percent = Annotated[int, Field(ge=1, le=100)]
THING = "rule"


class RuleFields(Fields):
    """The fields of a rule that an operator sets."""

    thing = "a rule"

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$"),
        Field(title="Name", description="Name the rule, in at most 100 characters."),
    ]
    strategy: Annotated[
        Strategy, Field(strict=False, title="Strategy", description=f"Choose one of {', '.join(Strategy)}.")
    ]
    description: Annotated[
        str,
        StringConstraints(max_length=2000, pattern=r"^[^\x00]*$"),
        Field(title="Description", description="Describe the rule in at most 2,000 characters."),
    ] = ""
    priority: Annotated[
        int, Field(ge=1, le=10, title="Priority", description="Priority is 1 (last) to 10 (first), a whole number.")
    ] = 5
    is_active: Annotated[bool, Field(title="Active", description="A rule is active or not.")] = True
    conditions: Annotated[
        dict[str, Any],
        BeforeValidator(conditions_of),
        Field(title="Conditions", description="Conditions are a JSON object."),
    ] = Field(default_factory=dict)
    max_utilization_percent: Annotated[
        Percent | None, Field(title="Utilisation (%)", description="Utilisation is 1 to 100 %, or empty.")
    ] = None
    max_memory_percent: Annotated[
        Percent | None, Field(title="Memory (%)", description="Memory is 1 to 100 %, or empty.")
    ] = None
    max_temperature_celsius: Annotated[
        int | None,
        Field(ge=1, le=150, title="Temperature (°C)", description="Temperature is 1 to 150 °C, or empty."),
    ] = None
    max_agents_per_gpu: Annotated[
        int | None,
        Field(ge=1, le=32_767, title="Agents per GPU", description="Agents per GPU are 1 to 32,767, or empty."),
    ] = None
    applies_plans: Annotated[
        bool,
        Field(
            title="Applies plans by itself",
            description="Plans that bring a card back within the rule are applied without asking, or they are not.",
        ),
    ] = False
    valid_from: Annotated[
        AwareDatetime | None,
        Field(strict=False, title="From", description="The rule begins at a time with its zone, or at once."),
    ] = None
    valid_until: Annotated[
        AwareDatetime | None,
        Field(strict=False, title="Until", description="The rule ends at a time with its zone, or never."),
    ] = None

    @field_validator("valid_until")
    @classmethod
    def _after_the_beginning(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        begin = info.data.get("valid_from")
        if until is not None and begin is not None and until <= begin:
            message = "The rule ends after it begins."
            raise ValueError(message)
        return until


@dataclass(frozen=True, slots=True)
class SavedRule:
    """A rule as it was saved; an edit names `updated_at` as what the editor saw."""

    id: int
    updated_at: datetime
    fields: RuleFields


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Another active rule of the same priority that may hold at once and says otherwise."""

    rule_id: int
    name: str
    titles: tuple[str, ...]
    """The fields in which the two differ."""

    @property
    def sentence(self) -> str:
        """What to do about it."""
        return (
            f"“{self.name}” has the same priority, may hold at the same time, and has another "
            f"{' and another '.join(self.titles)}; give one of the two another priority, or other conditions."
        )


def create_rule(session: Session, values: Mapping[str, object], reason: str | None = None) -> SavedRule:
    """A new rule. Raises InvalidInput with a sentence for each field, also for what contradicts an active rule."""
    require(session, Action.EDIT_RULES)
    fields = _checked(session, RuleFields.validated(values), None)
    rule = LoadBalancingRule()
    store(session, rule, fields, "added", reason)
    return _saved(rule)


def edit_rule(
    session: Session,
    rule_id: int,
    changes: Mapping[str, object],
    expected_updated_at: datetime,
    reason: str | None = None,
) -> SavedRule:
    """Save `changes` to a rule as the editor saw it. Raises InvalidInput, EditConflict, NotFound and NotAllowed."""
    require(session, Action.EDIT_RULES)
    rule = opened(session, LoadBalancingRule, rule_id, expected_updated_at, THING)
    fields = _checked(session, RuleFields.of(rule).changed(changes), rule_id)
    store(session, rule, fields, "changed", reason)
    return _saved(rule)


def delete_rule(session: Session, rule_id: int, expected_updated_at: datetime, reason: str | None = None) -> None:
    """Delete a rule as the editor saw it."""
    require(session, Action.EDIT_RULES)
    remove(session, opened(session, LoadBalancingRule, rule_id, expected_updated_at, THING), reason)


def contradictions(session: Session, fields: RuleFields, rule_id: int | None = None) -> tuple[Contradiction, ...]:
    """The active rules that a rule with these fields would contradict; `rule_id`: the rule itself."""
    if not fields.is_active:
        return ()
    others = select(LoadBalancingRule).where(
        LoadBalancingRule.is_active,
        LoadBalancingRule.priority == fields.priority,
        LoadBalancingRule.id.is_distinct_from(rule_id),
    )
    found = []
    for other in session.scalars(others.order_by(LoadBalancingRule.name)):
        theirs = RuleFields.of(other)
        if _may_hold_at_once(fields, theirs) and (titles := _contradicting(fields, theirs)):
            found.append(Contradiction(other.id, other.name, titles))
    return tuple(found)


def _checked(session: Session, fields: RuleFields, rule_id: int | None) -> RuleFields:
    unknown = _unknown(session, stored_conditions(fields.conditions))
    if unknown is not None:
        raise InvalidInput({"conditions": unknown})
    contradicted = contradictions(session, fields, rule_id)
    if contradicted:
        raise InvalidInput({"priority": " ".join(found.sentence for found in contradicted)})
    return fields


def _unknown(session: Session, conditions: Conditions) -> str | None:
    """The first card, agent or user of the conditions that there is none of."""
    named: tuple[tuple[str, list[Any], Any], ...] = (
        ("GPU", conditions.gpu_ids, GPUResource.id),
        ("agent", conditions.agent_ids, AgentConfiguration.agent_id),
        ("user", conditions.user_ids, User.id),
    )
    for title, wanted, column in named:
        known = set(session.scalars(select(column).where(column.in_(wanted)))) if wanted else set()
        for name in wanted:
            if name not in known:
                return f"There is no {title} {name}."
    return None


def _may_hold_at_once(mine: RuleFields, theirs: RuleFields) -> bool:
    begin = max(mine.valid_from or _EVER[0], theirs.valid_from or _EVER[0])
    end = min(mine.valid_until or _EVER[1], theirs.valid_until or _EVER[1])
    return begin < end and stored_conditions(mine.conditions).overlaps(stored_conditions(theirs.conditions))


_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _contradicting(mine: RuleFields, theirs: RuleFields) -> tuple[str, ...]:
    """The titles of what both say, and say differently. A limit that only one has is no contradiction."""
    pairs = {field: (getattr(mine, field), getattr(theirs, field)) for field in ("strategy", *LIMITS)}
    titles = {field: RuleFields.model_fields[field].title or field for field in pairs}
    return tuple(
        titles[field][0].lower() + titles[field][1:]
        for field, (one, other) in pairs.items()
        if None not in {one, other} and one != other
    )


def _saved(rule: LoadBalancingRule) -> SavedRule:
    return SavedRule(rule.id, rule.updated_at, RuleFields.of(rule))
