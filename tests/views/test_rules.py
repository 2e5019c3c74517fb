"""Rules as their list and form show them."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import insert

from helios_core.database.session import Principal
from helios_core.errors import NotFound
from helios_core.models import LoadBalancingRule
from helios_core.services.rules import create_rule, edit_rule
from helios_core.services.workspace import Workspace
from helios_core.views.rules import find_rule, list_rules

NOW = datetime.now(UTC)


def test_rules_come_in_the_order_in_which_they_hold(workspace: Workspace, member: Principal) -> None:
    for name, priority, more in (
        ("low", 1, {}),
        ("high", 9, {}),
        ("off", 5, {"is_active": False}),
        ("tomorrow", 6, {"valid_from": NOW + timedelta(days=1)}),
        ("yesterday", 7, {"valid_until": NOW - timedelta(days=1)}),
    ):
        values = {"name": name, "strategy": "pack", "priority": priority, **more}
        workspace.act(partial(create_rule, values=values))
    found = workspace.read(list_rules)
    assert [(rule.name, rule.is_in_force) for rule in found] == [
        ("high", True),
        ("yesterday", False),
        ("tomorrow", False),
        ("off", False),
        ("low", True),
    ]
    assert workspace.on_behalf_of(member).read(list_rules) == found
    assert workspace.read(lambda session: find_rule(session, found[0].id)) == found[0]
    with pytest.raises(NotFound, match="no rule 99"):
        workspace.read(lambda session: find_rule(session, 99))


def test_what_a_page_shows_can_be_saved_again(workspace: Workspace) -> None:
    workspace.act(partial(create_rule, values={"name": "cool", "strategy": "thermal_headroom"}))
    row = workspace.read(list_rules)[0]
    saved = workspace.act(
        partial(edit_rule, rule_id=row.id, changes={"priority": 6}, expected_updated_at=row.updated_at)
    )
    assert saved.fields.priority == 6


def test_rules_that_another_program_wrote_are_shown_with_what_they_contradict(workspace: Workspace) -> None:
    rows = [
        {"name": "one", "strategy": "pack", "conditions": {"in its own form": True}},
        {"name": "two", "strategy": "spread", "conditions": {"gpu_ids": [0]}},
    ]
    workspace.act(lambda session: session.execute(insert(LoadBalancingRule), rows))
    one, two = workspace.read(list_rules)
    assert [other.name for other in one.contradictions + two.contradictions] == ["two", "one"]
