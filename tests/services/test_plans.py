"""Plans: made and undone as one, or refused as a whole where the world has changed."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.errors import NotAllowed, NotFound, Refused
from helios_core.models import AuditEvent, GPUResource
from helios_core.services import placement, plans
from helios_core.services.agents import edited_configuration, save_configuration
from helios_core.services.whatif import WhatIfDraft
from helios_core.services.workspace import Workspace
from helios_core.views.decisions import list_decisions
from helios_core.views.placement import placement_map
from helios_core.views.plans import find_plan, list_plans
from tests.services.fleets import agent, cards

Ids = dict[str, int]


@pytest.fixture
def ids(workspace: Workspace) -> Ids:
    """Two cards of 12 GiB, nearly full: a writer on the first, a critic on the second; their configurations."""

    def fill(session: Session) -> Ids:
        cards(session, 12_288, 12_288)
        found = {}
        for agent_id, gpu_id in (("writer", 0), ("critic", 1)):
            agent(session, agent_id, 10_000)
            placement.place(session, agent_id, (gpu_id,))
            found[agent_id] = edited_configuration(session, agent_id).id
        return found

    return workspace.act(fill)


def where(workspace: Workspace) -> dict[str, int]:
    """The card of each agent."""
    found = workspace.read(placement_map)
    return {agent.agent_id: card.gpu_id for card in found.cards for agent in card.agents}


def swap(workspace: Workspace, ids: Ids) -> int:
    """A plan by which the two change places."""
    return workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft({ids["writer"]: 1, ids["critic"]: 0}), "swap"))


def test_a_plan_swaps_two_agents_and_its_undo_puts_them_back(workspace: Workspace, ids: Ids) -> None:
    plan_id = swap(workspace, ids)
    assert where(workspace) == {"writer": 0, "critic": 1}, "a draft moves nobody"
    workspace.act(lambda s: plans.apply_plan(s, plan_id, "to show it"))
    assert where(workspace) == {"writer": 1, "critic": 0}
    shown = workspace.read(lambda s: find_plan(s, plan_id))
    assert (shown.status, shown.title, shown.created_by, shown.may_be_undone) == ("applied", "swap", "olga", True)
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {"writer": 0, "critic": 1}
    log = workspace.read(list_decisions).rows
    assert [(d.agent_id, d.cause, d.plan_status) for d in log[:4]] == [
        ("critic", "undo", "undone"), ("writer", "undo", "undone"),
        ("critic", "plan", "undone"), ("writer", "plan", "undone"),
    ]  # fmt: skip
    audited = workspace.read(
        lambda s: s.scalars(
            select(AuditEvent.action).where(AuditEvent.subject == "placement_plans").order_by(AuditEvent.id)
        ).all()
    )
    assert audited == ["drafted", "applied", "undone"]


def test_what_is_done_is_not_done_again(workspace: Workspace, ids: Ids) -> None:
    plan_id = swap(workspace, ids)
    with pytest.raises(Refused, match="is draft: there is nothing to undo"):
        workspace.act(lambda s: plans.undo_plan(s, plan_id))
    workspace.act(lambda s: plans.discard_plan(s, plan_id))
    with pytest.raises(Refused, match="is discarded: there is nothing to apply"):
        workspace.act(lambda s: plans.apply_plan(s, plan_id))
    assert workspace.read(lambda s: list_plans(s, "draft")) == ()
    with pytest.raises(NotFound, match="no plan 99"):
        workspace.act(lambda s: plans.apply_plan(s, 99))


def test_a_plan_is_refused_where_an_agent_was_saved_since(workspace: Workspace, ids: Ids) -> None:
    plan_id = swap(workspace, ids)
    version = workspace.read(lambda s: edited_configuration(s, "critic").version)
    workspace.act(lambda s: save_configuration(s, "critic", {"temperature": 0.5}, version))
    with pytest.raises(Refused, match="critic was saved since"):
        workspace.act(lambda s: plans.apply_plan(s, plan_id))
    assert where(workspace) == {"writer": 0, "critic": 1}, "nothing of it was done"


def test_an_undo_is_refused_where_the_old_card_is_lost(workspace: Workspace, ids: Ids) -> None:
    plan_id = swap(workspace, ids)
    workspace.act(lambda s: plans.apply_plan(s, plan_id))
    workspace.act(lambda s: s.execute(update(GPUResource).where(GPUResource.id == 0).values(health="lost")))
    with pytest.raises(Refused, match="Writer cannot be on GPU 0: its health is lost"):
        workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {"writer": 1, "critic": 0}


def test_a_draft_that_nobody_could_apply_is_no_plan(workspace: Workspace, ids: Ids) -> None:
    with pytest.raises(Refused, match=r"GPU 1: 2\.2 of 12\.0 GiB free"):
        workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft({ids["writer"]: 1, ids["critic"]: 1})))
    with pytest.raises(Refused, match="moves nobody"):
        workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft({ids["writer"]: 0})))


def test_a_plan_takes_agents_off_their_cards_and_undo_brings_them_back(workspace: Workspace, ids: Ids) -> None:
    plan_id = workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft({ids["writer"]: None})))
    assert workspace.read(lambda s: find_plan(s, plan_id)).title == "Writer off its card"
    workspace.act(lambda s: plans.apply_plan(s, plan_id))
    assert where(workspace) == {"critic": 1}
    workspace.act(lambda s: plans.undo_plan(s, plan_id))
    assert where(workspace) == {"writer": 0, "critic": 1}


@pytest.mark.usefixtures("ids")
def test_members_make_no_plans_and_see_only_moves_of_their_own(
    workspace: Workspace, database: Database, member: Principal, other_member: Principal
) -> None:
    me, other = Workspace(database, member), Workspace(database, other_member)
    workspace.act(lambda s: (cards(s, 24_576), agent(s, "reader", 4_000)))
    me.act(lambda s: placement.place(s, "reader", (2,)))
    mine = me.read(lambda s: edited_configuration(s, "reader").id)
    with pytest.raises(NotAllowed):
        me.act(lambda s: plans.draft_plan(s, WhatIfDraft({mine: None})))
    plan_id = workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft({mine: None})))
    workspace.act(lambda s: plans.apply_plan(s, plan_id))
    assert [move.agent_id for move in me.read(lambda s: find_plan(s, plan_id)).moves] == ["reader"]
    assert other.read(lambda s: find_plan(s, plan_id)).moves == ()
    assert "reader" not in other.read(lambda s: find_plan(s, plan_id)).title.casefold()
