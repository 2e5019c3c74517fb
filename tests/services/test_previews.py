"""Previews: what a rule or a constraint would change, before it holds."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from helios_core.errors import InvalidInput
from helios_core.models import GPUResource
from helios_core.services import placement
from helios_core.services.previews import preview_constraint, preview_rule
from helios_core.services.rules import create_rule
from helios_core.services.workspace import Workspace
from helios_core.views.placement import placement_map
from tests.services.fleets import agent, cards


@pytest.fixture(autouse=True)
def hot_and_cool(workspace: Workspace) -> None:
    """A hot card with two agents, and a cool one that has room for one of them."""

    def fill(session: Session) -> None:
        cards(session, 12_288, 6_144)
        for agent_id in ("writer", "critic"):
            agent(session, agent_id, 4_000)
            placement.place(session, agent_id, (0,))
        session.execute(update(GPUResource).where(GPUResource.id == 0).values(current_temperature_celsius=88.0))

    workspace.act(fill)


def test_a_rule_shows_who_would_be_in_breach_and_what_would_fit(workspace: Workspace) -> None:
    values = {"name": "cool", "strategy": "pack", "max_temperature_celsius": 83}
    found = workspace.read(lambda s: preview_rule(s, values))
    assert found.holds_now
    assert [b.sentence for b in found.breaches] == [
        "Writer on GPU 0: 88 °C is above rule 'cool'’s limit of 83.",
        "Critic on GPU 0: 88 °C is above rule 'cool'’s limit of 83.",
    ]
    assert found.homeless == (), "each alone would find room"
    assert {(room.now, room.after) for room in found.rooms} == {(2, 1)}
    assert workspace.read(placement_map).rules_in_force == ()


def test_a_rule_that_does_not_hold_now_changes_nothing_now(workspace: Workspace) -> None:
    values = {"name": "cool", "strategy": "pack", "max_temperature_celsius": 83, "is_active": False}
    assert workspace.read(lambda s: preview_rule(s, values)).sentences == (
        "It would not hold now: its time, its hours, or its switch are against it.",
    )
    with pytest.raises(InvalidInput, match="1 to 150"):
        workspace.read(lambda s: preview_rule(s, {**values, "max_temperature_celsius": 900}))


def test_contradictions_are_named_before_they_are_refused(workspace: Workspace) -> None:
    workspace.act(lambda s: create_rule(s, {"name": "wide", "strategy": "spread"}))
    found = workspace.read(lambda s: preview_rule(s, {"name": "tight", "strategy": "pack"}))
    assert [other.name for other in found.contradictions] == ["wide"]
    assert "“wide” has the same priority" in found.sentences[0]


def test_an_edited_rule_is_previewed_in_its_own_place(workspace: Workspace) -> None:
    rule = workspace.act(lambda s: create_rule(s, {"name": "cool", "strategy": "pack", "max_temperature_celsius": 83}))
    wider = {"name": "cool", "strategy": "pack", "max_temperature_celsius": 95}
    found = workspace.read(lambda s: preview_rule(s, wider, rule.id))
    assert found.breaches == ()
    assert {(room.now, room.after) for room in found.rooms} == {(1, 2)}


def test_a_constraint_shows_whom_it_would_keep_out(workspace: Workspace) -> None:
    values = {"model_provider": "ollama", "model_name": "model-of-writer", "min_compute_capability": "9.0"}
    found = workspace.read(lambda s: preview_constraint(s, values))
    assert [b.agent for b in found.breaches] == ["Writer"]
    assert found.homeless == ("Writer",)
    assert "the model needs 9.0" in found.breaches[0].sentence
