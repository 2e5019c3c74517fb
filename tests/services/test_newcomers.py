"""Newcomers: agents that a draft adds, created and placed when it is applied, and switched off when it is undone."""

import pytest

from helios_core.database.session import Database, Principal
from helios_core.errors import InvalidInput, NotAllowed, NotFound, Refused
from helios_core.models import AgentConfiguration, AgentProfile
from helios_core.services import placement, plans, trials
from helios_core.services.agents import edited_configuration, save_configuration
from helios_core.services.constraints import create_constraint
from helios_core.services.newcomers import new_agents
from helios_core.services.whatif import Newcomer, WhatIfDraft
from helios_core.services.workspace import Workspace
from helios_core.views.agents import list_agents
from helios_core.views.placement import placement_map
from helios_core.views.plans import find_plan
from tests.services.fleets import MODEL, agent, cards


@pytest.fixture
def writer(workspace: Workspace) -> None:
    """A writer on the first of two cards of 12 GiB, with room for four more beside it."""
    wishes = {"placement": {"compute_percent": 10}, "tone": "dry"}
    workspace.act(
        lambda s: (cards(s, 12_288, 12_288), agent(s, "writer", 4_500, priority=7, temperature=0.3, constraints=wishes))
    )
    workspace.act(lambda s: placement.place(s, "writer", (0,)))


def applied(workspace: Workspace, *newcomers: Newcomer, targets: dict[int, int | None] | None = None) -> int:
    """A plan with these newcomers that was applied."""
    draft = WhatIfDraft(dict(targets or {}), newcomers)
    plan_id = workspace.act(lambda s: plans.draft_plan(s, draft))
    workspace.act(lambda s: plans.apply_plan(s, plan_id))
    return plan_id


def where(workspace: Workspace) -> dict[str, tuple[int, ...]]:
    found = workspace.read(placement_map)
    return {agent.agent_id: agent.gpu_ids for card in found.cards for agent in card.agents}


@pytest.mark.usefixtures("writer")
def test_more_of_a_kind_are_shown_created_placed_and_undone_together(workspace: Workspace) -> None:
    two_more = Newcomer(like="writer", count=2)
    tried = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(two_more,))))
    assert [(m.agent, m.agent_id, m.from_gpu_ids, m.is_refused) for m in tried.moves] == [
        ("Writer 2", "writer_2", (), False),
        ("Writer 3", "writer_3", (), False),
    ]
    assert sum(load.promised_mib for load in tried.after) == 3 * 4_500 - 0
    plan_id = applied(workspace, two_more)
    plan = workspace.read(lambda s: find_plan(s, plan_id))
    assert [(move.agent_name, move.is_new) for move in plan.moves] == [("Writer 2", True), ("Writer 3", True)]
    assert where(workspace) == {"writer": (0,), **{move.agent_id: move.to_gpu_ids for move in plan.moves}}
    first, second = (workspace.read(lambda s, a=a: edited_configuration(s, a)) for a in ("writer", "writer_2"))  # type: ignore[misc]
    for field in ("assigned_llm", "system_prompt", "priority", "temperature", "constraints", "allocated_memory_mb"):
        assert getattr(first, field) == getattr(second, field), field
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {"writer": (0,)}
    states = {a.agent_id: a.is_enabled for a in workspace.read(list_agents)}
    assert states == {"writer": True, "writer_2": False, "writer_3": False}, "work may refer to them"


@pytest.mark.usefixtures("writer")
def test_a_plan_may_move_agents_to_make_room_for_newcomers(workspace: Workspace) -> None:
    writer = workspace.read(lambda s: edited_configuration(s, "writer").id)
    large = Newcomer("large-model", memory_mib=12_000, agent_id="Fact Checker", target=0)
    plan_id = applied(workspace, large, targets={writer: 1})
    assert where(workspace) == {"fact_checker": (0,), "writer": (1,)}
    described = workspace.read(
        lambda s: s.query(AgentProfile).filter_by(agent_id="fact_checker").one().display_name,
    )
    assert described == "Fact Checker"
    prompt = workspace.read(lambda s: edited_configuration(s, "fact_checker").system_prompt)
    assert prompt.startswith("You are Fact Checker, an expert of the team.")
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {"writer": (0,)}


@pytest.mark.usefixtures("writer")
def test_who_gives_way_to_a_newcomer_is_released_and_comes_back(workspace: Workspace) -> None:
    large = Newcomer("large-model", memory_mib=12_000, agent_id="large", target=0, priority=9)
    blocked = Newcomer("blocker-model", memory_mib=12_000, agent_id="blocker", target=1, priority=9)
    draft = WhatIfDraft(newcomers=(large, blocked), may_evict=True)
    plan_id = workspace.act(lambda s: plans.draft_plan(s, draft))
    decided = workspace.act(lambda s: plans.apply_plan(s, plan_id))
    assert {one.agent_name: one.outcome for one in decided} == {
        "Large": "placed", "Blocker": "placed", "Writer": "released"
    }  # fmt: skip
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {"writer": (0,)}


@pytest.mark.usefixtures("writer")
def test_newcomers_over_several_cards_are_placed_as_one(workspace: Workspace) -> None:
    workspace.act(lambda s: placement.release(s, "writer"))
    values = {"model_provider": "ollama", "model_name": "giant-model", "allows_split": True}
    workspace.act(lambda s: create_constraint(s, values))
    plan_id = applied(workspace, Newcomer("giant-model", memory_mib=20_000, agent_id="giant"))
    assert where(workspace) == {"giant": (0, 1)}
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {}


@pytest.mark.usefixtures("writer")
def test_what_changed_since_the_draft_is_refused_and_nothing_is_created(workspace: Workspace) -> None:
    plan_id = workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft(newcomers=(Newcomer(like="writer"),))))
    workspace.act(lambda s: agent(s, "writer_2", 100))
    with pytest.raises(Refused, match="There is an agent writer_2 by now"):
        workspace.act(lambda s: plans.apply_plan(s, plan_id))
    plan_id = workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft(newcomers=(Newcomer(like="writer", target=1),))))
    workspace.act(lambda s: (agent(s, "blocker", 12_000), placement.place(s, "blocker", (1,))))
    with pytest.raises(Refused, match="Writer 3 cannot be on GPU 1"):
        workspace.act(lambda s: plans.apply_plan(s, plan_id))
    known = workspace.read(lambda s: {row.agent_id for row in s.query(AgentConfiguration)})
    assert known == {"writer", "writer_2", "blocker"}
    with pytest.raises(Refused, match="Writer 4 and 7 more: GPU 0"):
        workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft(newcomers=(Newcomer(like="writer", count=9),))))


@pytest.mark.usefixtures("writer")
def test_an_undo_is_refused_where_a_newcomer_was_saved_since(workspace: Workspace) -> None:
    plan_id = applied(workspace, Newcomer(like="writer"))
    workspace.act(lambda s: save_configuration(s, "writer_2", {"temperature": 1.0}, 2))
    with pytest.raises(Refused, match="writer_2 was saved since"):
        workspace.act(lambda s: plans.undo_plan(s, plan_id))


@pytest.mark.usefixtures("writer")
def test_members_try_newcomers_but_add_none(database: Database, member: Principal) -> None:
    me = Workspace(database, member)
    draft = WhatIfDraft(newcomers=(Newcomer(like="writer"),))
    assert me.read(lambda s: trials.what_if(s, draft)).is_applicable
    with pytest.raises(NotAllowed):
        me.act(lambda s: plans.draft_plan(s, draft))


@pytest.mark.usefixtures("writer")
def test_what_is_said_of_a_newcomer_counts_before_what_it_is_like(workspace: Workspace) -> None:
    said = Newcomer(MODEL, context_tokens=8_192, like="writer", agent_id="2nd écrivain!", wishes={"cards": 2})
    (new,) = workspace.read(lambda s: new_agents(s, said))
    assert (new.agent_id, new.display_name) == ("agent_2nd_crivain", "2nd écrivain!")
    assert (new.values["assigned_llm"], new.values["allocated_memory_mb"]) == (MODEL, None), "another model's estimate"
    assert new.values["constraints"] == {"placement": {"cards": 2}, "tone": "dry"}
    named = workspace.read(lambda s: new_agents(s, Newcomer("m", agent_id="writer", count=2), {"writer_3"}))
    assert [one.agent_id for one in named] == ["writer_2", "writer_4"]


@pytest.mark.usefixtures("writer")
@pytest.mark.parametrize(
    ("kind", "error", "sentence"),
    [
        (Newcomer(like="nobody"), NotFound, "There is no agent nobody of all users"),
        (Newcomer(), InvalidInput, "Name a model, or an agent that the newcomers are to be like."),
        (Newcomer("m", priority=11), InvalidInput, "Newcomer: Priority is 1"),
    ],
)
def test_newcomers_that_cannot_be_are_refused_in_a_sentence(
    workspace: Workspace, kind: Newcomer, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(kind,))))
