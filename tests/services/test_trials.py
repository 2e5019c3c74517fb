"""Trials: drafts, the moves that they take, and how many more agents fit. Nothing is written."""

import pytest
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.errors import InvalidInput, NotFound
from helios_core.services import placement, trials
from helios_core.services.agents import edited_configuration
from helios_core.services.whatif import Newcomer, WhatIfDraft
from helios_core.services.workspace import Workspace
from helios_core.views.placement import placement_map
from tests.services.fleets import MODEL, agent, cards


def configuration_of(session: Session, agent_id: str) -> int:
    return edited_configuration(session, agent_id).id


@pytest.fixture
def two_cards(workspace: Workspace) -> dict[str, int]:
    """Two cards of 12 GiB: on the first a writer and an editor, on the second a critic."""

    def fill(session: Session) -> dict[str, int]:
        cards(session, 12_288, 12_288)
        for agent_id, memory, gpu_id in (("writer", 6_000, 0), ("editor", 5_000, 0), ("critic", 4_000, 1)):
            agent(session, agent_id, memory)
            placement.place(session, agent_id, (gpu_id,))
        return {agent_id: configuration_of(session, agent_id) for agent_id in ("writer", "editor", "critic")}

    return workspace.act(fill)


def test_a_move_shows_both_cards_before_and_after_with_its_reasons(
    workspace: Workspace, two_cards: dict[str, int]
) -> None:
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft({two_cards["editor"]: 1})))
    [move] = found.moves
    assert (move.agent, move.from_gpu_ids, move.to_gpu_ids, move.is_asked) == ("Editor", (0,), (1,), True)
    assert [load.promised_mib for load in found.before] == [11_000, 4_000]
    assert [load.promised_mib for load in found.after] == [6_000, 9_000]
    assert found.is_applicable
    assert found.migrations == 1
    assert move.explanation.sentences[0].startswith("GPU 1: it was asked for; takes 4.9 GiB")
    unchanged = workspace.read(placement_map)
    assert [card.promised_mib for card in unchanged.cards] == [11_000, 4_000]


def test_two_agents_swap_full_cards(workspace: Workspace, two_cards: dict[str, int]) -> None:
    draft = WhatIfDraft({two_cards["writer"]: 1, two_cards["critic"]: 0})
    found = workspace.read(lambda s: trials.what_if(s, draft))
    assert {(m.agent_id, m.from_gpu_ids, m.to_gpu_ids) for m in found.moves} == {
        ("writer", (0,), (1,)),
        ("critic", (1,), (0,)),
    }
    assert found.is_applicable


def test_others_make_room_by_the_fewest_moves(workspace: Workspace, two_cards: dict[str, int]) -> None:
    giant = Newcomer("giant-model", memory_mib=11_000, agent_id="giant")
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(giant,))))
    assert not found.is_applicable, "15 of 24 GiB are promised, and 11 more do not fit"
    large = Newcomer("large-model", memory_mib=7_500, agent_id="large")
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft({two_cards["critic"]: 1}, (large,))))
    assert [m.agent_id for m in found.moves] == ["large"]
    larger = Newcomer("larger-model", memory_mib=7_200, agent_id="larger", target=0)
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(larger,))))
    asked = {move.agent_id: (move.to_gpu_ids, move.is_asked) for move in found.moves}
    assert asked == {"larger": ((0,), True), "writer": ((1,), False)}


@pytest.mark.usefixtures("two_cards")
def test_less_important_agents_give_way_only_where_the_draft_says_so(workspace: Workspace) -> None:
    giant = Newcomer("giant-model", memory_mib=11_000, agent_id="giant", priority=9)
    assert workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(giant,)))).refusals
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(giant,), may_evict=True)))
    ways = {move.agent_id: (move.to_gpu_ids, move.is_asked) for move in found.moves}
    assert ways == {"giant": ((1,), True), "critic": ((), False)}
    sentences = {move.agent_id: move.explanation.sentences for move in found.moves}
    assert sentences["critic"] == ("gives way to Giant.",)
    assert sentences["giant"] == ("GPU 1: it has room when others have gone.",)
    assert found.is_applicable
    equal = Newcomer("giant-model", memory_mib=11_000, agent_id="giant", priority=5)
    assert workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(equal,), may_evict=True))).refusals


@pytest.mark.usefixtures("two_cards")
def test_where_not_everybody_fits_the_most_important_are_suggested(workspace: Workspace) -> None:
    workspace.act(lambda s: (agent(s, "first", 8_000, priority=9), agent(s, "second", 8_000, priority=2)))
    suggested = workspace.read(trials.suggest)
    assert suggested.targets == {workspace.read(lambda s: configuration_of(s, "first")): 1}


@pytest.mark.usefixtures("two_cards")
def test_without_a_card_its_agents_go_elsewhere_or_are_refused(workspace: Workspace) -> None:
    found = workspace.read(lambda s: trials.what_if(s, WhatIfDraft(without_gpus=frozenset({1}))))
    assert [move.agent_id for move in found.moves] == ["critic"]
    assert found.refusals[0].startswith("Critic: GPU 0: 1.3 of 12.0 GiB free; the agent needs 3.9.")
    assert "GPU 1: it is switched off" in found.refusals[0]


def test_what_there_is_none_of_is_refused_by_name(
    workspace: Workspace, database: Database, member: Principal, two_cards: dict[str, int]
) -> None:
    with pytest.raises(NotFound, match="configuration 999"):
        workspace.read(lambda s: trials.what_if(s, WhatIfDraft({999: 0})))
    with pytest.raises(NotFound, match="no GPU 7"):
        workspace.read(lambda s: trials.what_if(s, WhatIfDraft(without_gpus=frozenset({7}))))
    with pytest.raises(InvalidInput, match="no GPU 8"):
        workspace.read(lambda s: trials.what_if(s, WhatIfDraft({two_cards["writer"]: 8})))
    wrong = Newcomer("m", memory_mib=1, wishes={"colour": "red"})
    with pytest.raises(InvalidInput, match=r"no placement\.colour"):
        workspace.read(lambda s: trials.what_if(s, WhatIfDraft(newcomers=(wrong,))))
    mine = Workspace(database, member)
    mine.act(lambda s: placement.place(s, "critic", (1,)))
    own = mine.read(lambda s: configuration_of(s, "critic"))
    stranger = Workspace(database, Principal(None, "user"))
    with pytest.raises(NotFound):
        stranger.read(lambda s: trials.what_if(s, WhatIfDraft({own: 0})))


def test_how_many_more_agents_fit_and_what_the_next_one_lacks(workspace: Workspace) -> None:
    workspace.act(lambda s: cards(s, 12_288, 8_192))
    found = workspace.read(lambda s: trials.how_many(s, Newcomer("own-model", memory_mib=3_000)))
    assert (found.count, found.by_gpu) == (6, {0: 4, 1: 2})
    assert found.sentence == "6 more agents fit with own-model: 4 on GPU 0, 2 on GPU 1."
    assert "the agent needs 2.9" in found.next_one.refusal
    shared = workspace.read(lambda s: trials.how_many(s, Newcomer(MODEL, 8_192)))
    assert shared.count > 6, "agents on one card share the weights"
    unknown = workspace.read(lambda s: trials.how_many(s, Newcomer("nobody-knows")))
    assert unknown.count == 0
    assert "is not known" in unknown.next_one.refusal


@pytest.mark.usefixtures("two_cards")
def test_a_suggestion_places_who_waits_and_empties_lost_cards(workspace: Workspace) -> None:
    workspace.act(lambda s: agent(s, "reader", 7_200))
    assert [a.name for a in workspace.read(placement_map).waiting] == ["Reader"]
    suggested = workspace.read(trials.suggest)
    assert suggested.targets == {workspace.read(lambda s: configuration_of(s, "reader")): 1}


def test_a_member_sees_others_as_one_sum(database: Database, operator: Principal, member: Principal) -> None:
    everybody, me = Workspace(database, operator), Workspace(database, member)
    everybody.act(lambda s: (cards(s, 12_288), agent(s, "writer", 4_000)))
    me.act(lambda s: placement.place(s, "writer"))
    stranger = Workspace(database, Principal(operator.user_id, "viewer"))
    [card] = stranger.read(placement_map).cards
    assert card.agents == ()
    assert [(s.model_name, s.memory_mib, s.agents) for s in card.segments] == [(None, 4_000, ())]
    [mine] = me.read(placement_map).cards
    assert [a.name for a in mine.agents] == ["Writer of mira"]
    assert me.read(placement_map).used_mib == 4_000
