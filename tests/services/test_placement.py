"""Placement: an agent gets a card, or hears why none takes it."""

import pytest
from sqlalchemy import select

from helios_core.database.session import Database, Principal
from helios_core.errors import InvalidInput, NotAllowed, Refused
from helios_core.models import AgentConfiguration, AuditEvent, GPUAllocation
from helios_core.services import placement
from helios_core.services.agents import save_configuration
from helios_core.services.constraints import create_constraint
from helios_core.services.rules import create_rule
from helios_core.services.workspace import Workspace
from helios_core.views.decisions import list_decisions
from tests.services.fleets import MODEL, agent, cards


def test_an_agent_is_placed_moved_kept_and_released_each_with_its_reasons(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 12_288, 8_192), agent(s, "writer", 6_000)))
    first = workspace.act(lambda s: placement.place(s, "writer"))
    assert (first.outcome, first.gpu_ids) == ("placed", (0,)), "another one still fits on each card"
    assert [line.verdict for line in first.explanation.lines] == ["chosen", "next"]
    assert workspace.act(lambda s: placement.place(s, "writer")).outcome == "kept"
    moved = workspace.act(lambda s: placement.place(s, "writer", (1,), "to make room"))
    assert (moved.outcome, moved.from_gpu_ids, moved.gpu_ids) == ("moved", (0,), (1,))
    released = workspace.act(lambda s: placement.release(s, "writer"))
    assert (released.outcome, released.gpu_ids) == ("released", ())
    with pytest.raises(Refused, match="no card"):
        workspace.act(lambda s: placement.release(s, "writer"))
    log = workspace.read(list_decisions).rows
    assert [decision.outcome for decision in log] == ["released", "moved", "kept", "placed"]
    assert log[1].reason == "to make room"
    assert log[1].actor == "olga"
    assert log[3].explanation == first.explanation
    live = workspace.read(lambda s: s.scalars(select(GPUAllocation).where(GPUAllocation.released_at.is_(None))).all())
    assert live == []


def test_a_refusal_is_kept_with_the_first_cause_of_each_card(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 4_096, 6_144), cards(s, 24_576, health="lost"), agent(s, "giant", 8_000)))
    refused = workspace.act(lambda s: placement.place(s, "giant"))
    assert (refused.outcome, refused.gpu_ids) == ("refused", ())
    assert refused.explanation.sentences == (
        "GPU 0: 4.0 of 4.0 GiB free; the agent needs 7.8.",
        "GPU 1: 6.0 of 6.0 GiB free; the agent needs 7.8.",
        "GPU 2: its health is lost: it takes nothing new.",
    )
    assert workspace.read(list_decisions).rows[0].explanation == refused.explanation
    with pytest.raises(InvalidInput, match="no GPU 9"):
        workspace.act(lambda s: placement.place(s, "giant", (9,)))


def test_rules_and_constraints_hold_for_the_next_decision(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 12_288, 12_288, current_temperature_celsius=85.0), cards(s, 12_288)))
    workspace.act(lambda s: agent(s, "writer", None, assigned_llm=MODEL, context_tokens=8192))
    workspace.act(
        lambda s: create_rule(s, {"name": "cool", "strategy": "thermal_headroom", "max_temperature_celsius": 80})
    )
    placed = workspace.act(lambda s: placement.place(s, "writer"))
    assert placed.gpu_ids == (2,)
    assert "GPU 0 and 1: 85 °C is above rule 'cool'’s limit of 80." in placed.explanation.sentences
    refused = workspace.act(lambda s: placement.place(s, "writer", (1,)))
    assert refused.outcome == "refused"


def test_a_member_places_their_own_agent_and_learns_nothing_of_others(
    database: Database, operator: Principal, member: Principal, other_member: Principal
) -> None:
    everybody, me, other = (Workspace(database, who) for who in (operator, member, other_member))
    everybody.act(lambda s: (cards(s, 12_288), agent(s, "writer", 4_000, assigned_llm="secret-model")))
    assert other.act(lambda s: placement.place(s, "writer")).outcome == "placed"
    mine = me.act(lambda s: placement.place(s, "writer"))
    assert mine.outcome == "placed"
    assert [d.owner for d in me.read(list_decisions).rows] == ["mira"]
    refused = everybody.act(lambda s: (agent(s, "third", 5_000), placement.place(s, "third"))[1])
    assert refused.outcome == "refused", "what members hold counts"
    configurations = everybody.read(lambda s: s.scalars(select(AgentConfiguration.user_id)).all())
    assert set(configurations) == {None, member.user_id, other_member.user_id}


def test_no_refusal_tells_a_member_what_another_user_has_there(
    database: Database, operator: Principal, member: Principal, other_member: Principal
) -> None:
    everybody, me, other = (Workspace(database, who) for who in (operator, member, other_member))
    everybody.act(lambda s: (cards(s, 12_288), agent(s, "writer", 1_000), agent(s, "critic", 1_000)))
    alone = {"model_provider": "ollama", "model_name": "model-of-writer", "is_exclusive": True}
    everybody.act(lambda s: create_constraint(s, alone))
    other.act(lambda s: placement.place(s, "writer"))
    refused = me.act(lambda s: placement.place(s, "critic"))
    assert refused.explanation.sentences == ("GPU 0: what is on the card keeps it away.",)
    with pytest.raises(InvalidInput) as saved:
        me.act(lambda s: save_configuration(s, "critic", {"gpu_assignment": 0}, 1))
    assert str(saved.value) == "GPU 0: what is on the card keeps it away."
    asked = everybody.act(lambda s: placement.place(s, "critic"))
    assert "Writer of otto is here" in asked.explanation.sentences[0], "operators see whose it is"


def test_a_member_whose_agent_is_refused_gets_no_configuration_of_their_own(
    database: Database, operator: Principal, member: Principal
) -> None:
    everybody, me = Workspace(database, operator), Workspace(database, member)
    everybody.act(lambda s: (cards(s, 2_048), agent(s, "writer", 4_000)))
    assert me.act(lambda s: placement.place(s, "writer")).outcome == "refused"
    assert everybody.read(lambda s: s.scalars(select(AgentConfiguration.user_id)).all()) == [None]
    assert [decision.outcome for decision in me.read(list_decisions).rows] == ["refused"]


def test_viewers_place_nothing_and_what_is_off_gets_no_card(
    database: Database, operator: Principal, workspace: Workspace
) -> None:
    workspace.act(lambda s: (cards(s, 12_288), agent(s, "writer", 4_000, is_enabled=False)))
    with pytest.raises(Refused, match="switched off"):
        workspace.act(lambda s: placement.place(s, "writer"))
    viewer = Workspace(database, Principal(operator.user_id, "viewer"))
    with pytest.raises(NotAllowed):
        viewer.act(lambda s: placement.place(s, "writer"))


def test_a_placement_is_audited_like_any_other_change(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 12_288), agent(s, "writer")))
    workspace.act(lambda s: placement.place(s, "writer", reason="first"))
    events = workspace.read(lambda s: s.scalars(select(AuditEvent).order_by(AuditEvent.id)).all())
    changed = {(event.action, event.subject, event.reason) for event in events[-2:]}
    assert changed == {("promised", "gpu_allocations", None), ("changed", "agent_configurations", "first")}


def test_without_any_card_an_agent_is_refused(workspace: Workspace) -> None:
    workspace.act(lambda s: agent(s, "writer"))
    refused = workspace.act(lambda s: placement.place(s, "writer"))
    assert (refused.outcome, refused.sentence) == ("refused", "No card takes Writer. There is no card.")
