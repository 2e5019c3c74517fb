"""Agents on several cards at once, and what they take of their hosts: promised, shown, moved and undone as one."""

import pytest
from sqlalchemy import select, update

from helios_core.database.session import Database, Principal
from helios_core.errors import InvalidInput, Refused
from helios_core.models import Collector, GPUAllocation, GPUResource
from helios_core.services import placement, plans, trials
from helios_core.services.agents import edited_configuration, roll_back, save_configuration
from helios_core.services.constraints import create_constraint, delete_constraint
from helios_core.services.placement import Decided
from helios_core.services.previews import preview_constraint
from helios_core.services.quotas import set_quota
from helios_core.services.whatif import Newcomer, WhatIfDraft
from helios_core.services.workspace import Workspace
from helios_core.views.constraints import list_constraints
from helios_core.views.decisions import DecisionFilter, list_decisions
from helios_core.views.placement import placement_map
from tests.services.fleets import MODEL, agent, cards


@pytest.fixture
def three_cards(workspace: Workspace) -> None:
    """Three cards of 12 GiB on one host, one on another, and an agent for two of them, whose model may be split."""
    workspace.act(lambda s: (cards(s, 12_288, 12_288, 12_288), cards(s, 12_288, host="shelf")))
    workspace.act(lambda s: agent(s, "giant", 18_001))
    may_be_split(workspace, "model-of-giant")


def may_be_split(workspace: Workspace, model_name: str) -> None:
    values = {"model_provider": "ollama", "model_name": model_name, "allows_split": True}
    workspace.act(lambda s: create_constraint(s, values))


def place(workspace: Workspace, agent_id: str, *gpu_ids: int) -> Decided:
    return workspace.act(lambda s: placement.place(s, agent_id, gpu_ids))


def promised(workspace: Workspace) -> dict[tuple[str, int], int]:
    """What is promised now, by agent and card."""
    live = select(GPUAllocation).where(GPUAllocation.released_at.is_(None))
    rows = workspace.read(lambda s: s.scalars(live).all())
    return {(row.agent_id, row.gpu_id): row.allocated_memory_mb for row in rows}


def asks(workspace: Workspace, agent_id: str, **wishes: object) -> None:
    """Let the agent ask for this."""
    changes = {"constraints": {"placement": wishes}}
    workspace.act(lambda s: save_configuration(s, agent_id, changes, edited_configuration(s, agent_id).version))


def configuration_id(workspace: Workspace, agent_id: str) -> int:
    return workspace.read(lambda s: edited_configuration(s, agent_id).id)


@pytest.mark.usefixtures("three_cards")
def test_an_agent_that_no_card_holds_is_promised_shown_and_released_on_two(workspace: Workspace) -> None:
    placed = place(workspace, "giant")
    assert (placed.outcome, placed.gpu_ids, placed.memory_mib) == ("placed", (0, 1), 18_001)
    assert placed.sentence == "Giant is placed on GPU 0 and 1."
    assert placed.explanation.sentences[0].startswith("GPU 0 and 1: it costs least")
    assert promised(workspace) == {("giant", 0): 9_001, ("giant", 1): 9_001}
    found = workspace.read(placement_map)
    assert [card.promised_mib for card in found.cards] == [9_001, 9_001, 0, 0]
    assert {a.gpu_ids for card in found.cards for a in card.agents} == {(0, 1)}
    assert found.cards[1].agents[0].promised_mib == 18_002
    assert place(workspace, "giant").outcome == "kept"
    moved = place(workspace, "giant", 2, 0)
    assert (moved.outcome, moved.from_gpu_ids, moved.gpu_ids) == ("moved", (0, 1), (0, 2))
    assert promised(workspace).keys() == {("giant", 0), ("giant", 2)}
    for gpu_id, outcomes in ((0, ["moved", "kept", "placed"]), (1, ["moved", "kept", "placed"]), (2, ["moved"])):
        log = workspace.read(lambda s, g=gpu_id: list_decisions(s, DecisionFilter(gpu_id=g)))  # type: ignore[misc]
        assert [row.outcome for row in log.rows] == outcomes, gpu_id
    assert log.rows[0].sentence == "moved Giant from GPU 0 and 1 to GPU 0 and 2"
    released = workspace.act(lambda s: placement.release(s, "giant"))
    assert (released.outcome, promised(workspace)) == ("released", {})


@pytest.mark.usefixtures("three_cards")
def test_what_may_not_be_split_or_not_over_so_many_is_refused_with_the_reason(workspace: Workspace) -> None:
    workspace.act(lambda s: agent(s, "stubborn", 18_000))
    refused = place(workspace, "stubborn")
    assert refused.outcome == "refused"
    assert "12.0 of 12.0 GiB free; the agent needs 17.6" in refused.explanation.refusal
    assert place(workspace, "stubborn", 0, 1).explanation.refusal == (
        "All cards: the agent may be on 1 card, not on 2."
    )
    asks(workspace, "giant", split_over=[2, 4])
    assert "may be on 2 or 4 cards, not on 3" in place(workspace, "giant", 0, 1, 2).explanation.refusal
    assert place(workspace, "giant", 2, 3).outcome == "refused", "its cards are on one host"
    asks(workspace, "giant", split_over=[4])
    everywhere = place(workspace, "giant").explanation.refusal
    assert "of the 4 cards that the agent needs have room on its host" in everywhere
    asks(workspace, "stubborn", split_over=[2])
    assert "which no constraint allows" in place(workspace, "stubborn").explanation.refusal


@pytest.mark.usefixtures("three_cards")
def test_several_whole_cards_are_taken_and_nobody_comes_beside(workspace: Workspace) -> None:
    workspace.act(lambda s: (agent(s, "twin", 5_000), agent(s, "guest", 1_000)))
    asks(workspace, "twin", cards=2, compute_percent=100, is_exclusive=True)
    placed = place(workspace, "twin")
    assert (placed.outcome, placed.gpu_ids) == ("placed", (0, 1))
    assert promised(workspace) == {("twin", 0): 5_000, ("twin", 1): 5_000}, "each card gives all that it asks for"
    beside = place(workspace, "guest", 1)
    assert "GPU 1: Twin is here, and model-of-twin shares with no other model." in beside.explanation.refusal
    assert place(workspace, "twin", 0).explanation.refusal == "All cards: the agent may be on 2 cards, not on 1."


@pytest.mark.usefixtures("three_cards")
def test_a_plan_moves_it_as_one_and_is_undone_as_one(workspace: Workspace) -> None:
    place(workspace, "giant", 0, 1)
    giant = configuration_id(workspace, "giant")
    draft = WhatIfDraft({giant: (1, 2)})
    tried = workspace.read(lambda s: trials.what_if(s, draft))
    (move,) = tried.moves
    assert (move.from_gpu_ids, move.to_gpu_ids, tried.migrations) == ((0, 1), (1, 2), 1)
    assert [load.promised_mib for load in tried.after] == [0, 9_001, 9_001, 0]
    plan_id = workspace.act(lambda s: plans.draft_plan(s, draft))
    workspace.act(lambda s: plans.apply_plan(s, plan_id))
    assert promised(workspace).keys() == {("giant", 1), ("giant", 2)}
    lost = update(GPUResource).where(GPUResource.id == 0)
    workspace.act(lambda s: s.execute(lost.values(health="lost")))
    with pytest.raises(Refused, match=r"Giant cannot be on GPU 0 and 1: .*health is lost"):
        workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert promised(workspace).keys() == {("giant", 1), ("giant", 2)}, "of an undo that is refused nothing is done"
    workspace.act(lambda s: s.execute(lost.values(health="ok")))
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert promised(workspace) == {("giant", 0): 9_001, ("giant", 1): 9_001}


@pytest.mark.usefixtures("three_cards")
def test_without_one_of_its_cards_all_of_it_goes_elsewhere(workspace: Workspace) -> None:
    place(workspace, "giant", 0, 1)
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(without_gpus=frozenset({0, 1}))))
    assert [move.is_refused for move in found.moves] == [True], "one card is left on its host"
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(without_gpus=frozenset({0}))))
    assert [(move.from_gpu_ids, move.to_gpu_ids) for move in found.moves] == [((0, 1), (1, 2))]


@pytest.mark.usefixtures("three_cards")
def test_agents_on_the_same_divided_model_pay_for_its_weights_once(workspace: Workspace) -> None:
    may_be_split(workspace, MODEL)
    for agent_id in ("first", "second"):
        workspace.act(lambda s, a=agent_id: agent(s, a, None, assigned_llm=MODEL, context_tokens=8192))  # type: ignore[misc]
        place(workspace, agent_id, 0, 1)
    held = promised(workspace)
    assert held["first", 0] == held["first", 1] > held["second", 0] == held["second", 1]
    found = workspace.read(placement_map)
    assert found.cards[0].promised_mib == held["first", 0] + held["second", 0], "the engine and the tables agree"
    workspace.act(lambda s: placement.release(s, "first"))
    assert promised(workspace)["second", 1] == held["first", 1], "whoever is left pays"


@pytest.mark.usefixtures("three_cards")
def test_the_form_says_which_cards_and_a_roll_back_brings_them_back(workspace: Workspace) -> None:
    def save(**changes: object) -> None:
        workspace.act(lambda s: save_configuration(s, "giant", changes, edited_configuration(s, "giant").version))

    save(gpu_assignment=2, further_gpu_ids=[0])
    there = promised(workspace)
    assert there == {("giant", 0): 9_001, ("giant", 2): 9_001}
    for changes, field, sentence in (
        ({"further_gpu_ids": [2]}, "further_gpu_ids", "Name each card once."),
        ({"further_gpu_ids": [77]}, "further_gpu_ids", "There is no GPU 77."),
        ({"further_gpu_ids": [3]}, "gpu_assignment", "GPU 2: its cards have to be on one host."),
        ({"further_gpu_ids": []}, "gpu_assignment", "GPU 2 has 12.0 of 12.0 GiB free; this agent needs 17.6."),
    ):
        with pytest.raises(InvalidInput) as refused:
            save(**changes)
        assert refused.value.fields == {field: sentence}
    version = workspace.read(lambda s: edited_configuration(s, "giant").version)
    save(gpu_assignment=None)
    assert promised(workspace) == {}
    assert workspace.read(lambda s: edited_configuration(s, "giant").further_gpu_ids) == []
    workspace.act(lambda s: roll_back(s, "giant", version, version + 1))
    assert promised(workspace) == there


@pytest.mark.usefixtures("three_cards")
def test_who_may_no_longer_be_split_stays_and_is_named_in_the_preview(workspace: Workspace) -> None:
    place(workspace, "giant")
    (constraint,) = workspace.read(list_constraints)
    values = {"model_provider": "ollama", "model_name": "model-of-giant", "allows_split": False}
    found = workspace.read(lambda s: preview_constraint(s, values, constraint.id))
    assert [b.sentence for b in found.breaches] == ["Giant on GPU 0: the agent may be on 1 card, not on 2."]
    assert found.homeless == ("Giant",)
    workspace.act(lambda s: delete_constraint(s, constraint.id, constraint.updated_at))
    assert [card.promised_mib for card in workspace.read(placement_map).cards] == [9_001, 9_001, 0, 0]


@pytest.mark.usefixtures("three_cards")
def test_the_quota_counts_every_card(database: Database, workspace: Workspace, member: Principal) -> None:
    me = Workspace(database, member)
    workspace.act(lambda s: set_quota(s, member.user_id, 18_000))
    refused = place(me, "giant")
    assert "its owner's quota leaves 17.6 GiB; the agent needs 17.6" in refused.explanation.refusal
    workspace.act(lambda s: set_quota(s, member.user_id, 18_002))
    assert place(me, "giant").gpu_ids == (0, 1)
    assert me.read(placement_map).used_mib == 18_002


def test_hosts_give_what_they_have_and_those_that_do_not_tell_refuse_nobody(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 12_288), agent(s, "loader", 1_000), agent(s, "second", 1_000)))
    for agent_id in ("loader", "second"):
        asks(workspace, agent_id, host_cpu_cores=5, host_memory_mib=20_000)
        assert place(workspace, agent_id).outcome == "placed", "nobody knows what the host has"
    workspace.act(lambda s: placement.release(s, "second"))
    host = Collector(host="desk", pid=1, interval_seconds=1.0, is_simulated=True, host_cpu_cores=8)
    workspace.act(lambda s: s.add(host))
    (desk,) = workspace.read(placement_map).hosts
    assert (desk.cpu_cores, desk.promised_cpu_cores, desk.memory_mib) == (8, 5, None)
    refused = place(workspace, "second").explanation.refusal
    assert refused == "GPU 0: its host desk has 3 cores free; the agent needs 5."
    counted = workspace.read(lambda s: trials.how_many(s, Newcomer("m", memory_mib=10, wishes={"host_cpu_cores": 1})))
    assert counted.count == 3
    workspace.act(lambda s: s.execute(update(Collector).values(host_cpu_cores=64, host_memory_mb=32_768)))
    assert "GiB of memory free; the agent needs 19.5" in place(workspace, "second").explanation.refusal
    workspace.act(lambda s: s.execute(update(Collector).values(host_memory_mb=65_536)))
    assert place(workspace, "second").outcome == "placed"


def test_only_cards_of_the_wanted_types_are_taken(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 12_288), cards(s, 46_068, 46_068, name="L40S"), agent(s, "picky", 30_000)))
    may_be_split(workspace, "model-of-picky")
    asks(workspace, "picky", gpu_types=["L40S"], split_over=[2])
    placed = place(workspace, "picky")
    assert placed.gpu_ids == (1, 2)
    assert "GPU 0: its type is RTX Titan X; the agent needs L40S." in placed.explanation.sentences


@pytest.mark.usefixtures("three_cards")
def test_capacity_counts_agents_that_need_several_cards(workspace: Workspace) -> None:
    counted = workspace.read(lambda s: trials.how_many(s, Newcomer("model-of-giant", memory_mib=18_000)))
    assert counted.sentence == (
        "one more agent fits with model-of-giant: 1 on GPU 0, 1 on GPU 1, 1 of them over several cards."
    )
