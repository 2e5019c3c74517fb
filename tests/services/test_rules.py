"""Rules: what they may hold, conflicts of editors, and contradictions by name."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DuplicateEntry, EditConflict, InvalidInput, NotAllowed, NotFound
from helios_core.models import AuditEvent, GPUResource, LoadBalancingRule
from helios_core.services import rules
from helios_core.services.conditions import Conditions, Hours
from helios_core.services.rules import RuleFields, SavedRule
from helios_core.services.workspace import Workspace

COOL = {"name": "cool first", "strategy": "thermal_headroom", "max_temperature_celsius": 80}
NIGHT = {"begin": "22:00", "end": "06:00"}
DAY = {"begin": "06:00", "end": "22:00"}
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def cards(database: Database) -> list[int]:
    """Two cards."""
    with database.session(SYSTEM) as session:
        found = [GPUResource(uuid=f"GPU-{n}", name="TITAN", host="here", total_memory_mb=12212) for n in range(2)]
        session.add_all(found)
        session.commit()
        return [card.id for card in found]


def create(workspace: Workspace, **values: object) -> SavedRule:
    return workspace.act(partial(rules.create_rule, values={**COOL, **values}))


def edit(workspace: Workspace, rule: SavedRule, **changes: object) -> SavedRule:
    return workspace.act(
        partial(rules.edit_rule, rule_id=rule.id, changes=changes, expected_updated_at=rule.updated_at)
    )


def test_a_rule_is_added_edited_and_deleted_and_each_leaves_an_event(workspace: Workspace) -> None:
    added = create(workspace)
    edited = edit(workspace, added, max_temperature_celsius=75)
    assert (edited.fields.max_temperature_celsius, edited.updated_at > added.updated_at) == (75, True)
    workspace.act(lambda session: rules.delete_rule(session, added.id, edited.updated_at, "too hot"))
    events = workspace.read(lambda session: session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all())
    assert [(event.action, event.subject, event.reason) for event in events] == [
        ("added", "load_balancing_rules", None),
        ("changed", "load_balancing_rules", None),
        ("removed", "load_balancing_rules", "too hot"),
    ]
    assert events[1].after == {"name": "cool first", "max_temperature_celsius": 75}
    assert workspace.read(lambda session: session.scalars(select(LoadBalancingRule)).all()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "line\nbreak"),
        ("strategy", "at random"),
        ("priority", 11),
        ("max_memory_percent", 0),
        ("max_memory_percent", 101),
        ("max_temperature_celsius", 151),
        ("max_agents_per_gpu", 0),
        ("valid_until", datetime(2026, 5, 1)),  # noqa: DTZ001 - a time without its zone
        ("conditions", "{"),
        ("conditions", "[]"),
        ("conditions", {"cards": [0]}),
        ("conditions", {"gpu_ids": ["0"]}),
        ("conditions", {"gpu_ids": [99]}),
        ("conditions", {"agent_ids": ["nobody"]}),
        ("conditions", {"user_ids": [99]}),
        ("conditions", {"hours": {"begin": "25:00", "end": "06:00"}}),
        ("conditions", {"hours": {"begin": "06:00", "end": "06:00"}}),
        ("conditions", {"hours": {**NIGHT, "timezone": "Mars/Olympus"}}),
        ("conditions", {"hours": {**NIGHT, "timezone": "../etc/passwd"}}),
        ("colour", "blue"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence_beside_its_field(
    workspace: Workspace, field: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create(workspace, **{field: value})
    assert list(refusal.value.fields) == [field]
    assert refusal.value.fields[field].endswith(".")


def test_a_rule_ends_after_it_begins(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create(workspace, valid_from=MAY, valid_until=MAY)
    assert refusal.value.fields == {"valid_until": "The rule ends after it begins."}


def test_names_are_unique_and_only_operators_make_rules(workspace: Workspace, member: Principal) -> None:
    create(workspace)
    with pytest.raises(DuplicateEntry, match="with this name"):
        create(workspace, priority=1)
    with pytest.raises(NotAllowed, match="ask an operator"):
        create(workspace.on_behalf_of(member), name="mine")


def test_who_edits_what_somebody_saved_meanwhile_is_told_who(workspace: Workspace) -> None:
    seen = create(workspace)
    edit(workspace, seen, priority=7)
    with pytest.raises(EditConflict, match=r"^olga saved the rule at .* UTC, after you opened it"):
        edit(workspace, seen, priority=3)
    with pytest.raises(EditConflict):
        workspace.act(lambda session: rules.delete_rule(session, seen.id, seen.updated_at))
    with pytest.raises(NotFound, match="no rule 99"):
        workspace.act(lambda session: rules.delete_rule(session, 99, seen.updated_at))


def test_two_active_rules_of_one_priority_that_contradict_are_refused_by_name(workspace: Workspace) -> None:
    create(workspace)
    with pytest.raises(InvalidInput) as refusal:
        create(workspace, name="fill up", strategy="pack", max_temperature_celsius=85)
    assert refusal.value.fields == {
        "priority": "“cool first” has the same priority, may hold at the same time, and has another strategy and "
        "another temperature (°C); give one of the two another priority, or other conditions."
    }
    inactive = create(workspace, name="fill up", strategy="pack", is_active=False)
    with pytest.raises(InvalidInput, match="cool first"):
        edit(workspace, inactive, is_active=True)
    edit(workspace, inactive, is_active=True, priority=6)


def test_rules_that_never_hold_at_once_do_not_contradict(workspace: Workspace, cards: list[int]) -> None:
    create(workspace, conditions={"gpu_ids": cards[:1], "hours": NIGHT}, valid_until=MAY)
    create(workspace, name="other card", strategy="pack", conditions={"gpu_ids": cards[1:]})
    create(workspace, name="by day", strategy="spread", conditions={"gpu_ids": cards[:1], "hours": DAY})
    later = {"gpu_ids": cards[:1], "hours": NIGHT}
    create(workspace, name="later", strategy="least_loaded", conditions=later, valid_from=MAY + timedelta(days=1))
    with pytest.raises(InvalidInput, match=r"“by day”.*“cool first”|“cool first”.*“by day”"):
        create(workspace, name="always", strategy="least_loaded", conditions={"gpu_ids": cards[:1]}, valid_until=MAY)


hours = st.builds(
    lambda begin, end: Hours(begin=f"{begin:02d}:00", end=f"{end % 24:02d}:30"), st.integers(0, 23), st.integers(0, 23)
)
conditions = st.builds(
    Conditions,
    gpu_ids=st.lists(st.integers(0, 2), max_size=2),
    agent_ids=st.lists(st.sampled_from(["a", "b"]), max_size=2),
    hours=st.none() | hours,
)


@given(conditions, conditions)
def test_conditions_overlap_exactly_where_one_case_fits_both(one: Conditions, other: Conditions) -> None:
    cases = [(gpu, agent, minute) for gpu in range(3) for agent in ("a", "b") for minute in range(0, 24 * 60, 30)]
    assert one.overlaps(other) == any(fits(one, case) and fits(other, case) for case in cases)
    assert one.overlaps(other) == other.overlaps(one)


def fits(conditions: Conditions, case: tuple[int, str, int]) -> bool:
    """Whether the conditions hold for this card and agent at this minute of the day, worked out the long way."""
    gpu, agent, minute = case
    clock = f"{minute // 60:02d}:{minute % 60:02d}"
    asked = conditions.hours
    in_time = asked is None or (
        asked.begin <= clock < asked.end if asked.begin < asked.end else clock >= asked.begin or clock < asked.end
    )
    return (
        in_time
        and (not conditions.gpu_ids or gpu in conditions.gpu_ids)
        and (not conditions.agent_ids or agent in conditions.agent_ids)
    )


def test_conditions_are_kept_in_their_shortest_form(workspace: Workspace, cards: list[int]) -> None:
    saved = create(workspace, conditions=f'{{"gpu_ids": [{cards[0]}], "models": [], "hours": null}}')
    assert saved.fields.conditions == {"gpu_ids": [cards[0]]}
    assert RuleFields.validated(saved.fields.snapshot()).conditions == saved.fields.conditions
