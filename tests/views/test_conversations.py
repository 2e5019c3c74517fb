from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.errors import NotFound
from helios_core.models import AgentParticipation, ConversationMessage, ConversationPhase, MultiAgentConversation
from helios_core.services.workspace import Workspace
from helios_core.views import conversation_lists, conversations, delegations, transcripts
from helios_core.views.conversation_gpus import conversation_gpus
from helios_core.views.conversation_lists import ConversationFilter, list_conversations
from helios_core.views.conversations import Conversation
from helios_core.views.delegations import DelegationFilter
from helios_core.views.paging import Cursor
from tests.views import scenes


def stored(
    workspace: Workspace, scene: Callable[[Session], MultiAgentConversation] = scenes.timed_conversation
) -> Conversation:
    """The conversation of `scene`, as its page reads it."""
    conversation_id = workspace.act(scene).id
    return workspace.read(lambda session: conversations.conversation(session, conversation_id))


def titles(workspace: Workspace, **which: str) -> list[str]:
    """What the list shows."""
    page = workspace.read(lambda session: list_conversations(session, ConversationFilter(**which)))
    return [row.title for row in page.rows]


def test_a_conversation_knows_its_figures(workspace: Workspace) -> None:
    figures = stored(workspace).figures
    assert figures.agreement == 0.72
    assert figures.effective_votes == 1.4
    assert figures.expert_count == 2
    assert figures.shared_model_count == 2
    assert figures.quality == pytest.approx(0.7)
    assert figures.duration_seconds == 160
    assert figures.seconds["queue"] == 30 + 10 + 5
    assert (figures.input_tokens, figures.output_tokens) == (1300, 1300)


def test_a_conversation_holds_its_parts_in_their_order(workspace: Workspace) -> None:
    found = stored(workspace)
    assert [phase.phase for phase in found.phases] == ["planning", "processing"]
    assert [participant.name for participant in found.participants] == [
        "Project Manager", "Technical Expert", "Data Analyst"
    ]  # fmt: skip
    assert [task.attempt for task in found.delegations] == [1, 2, 1]
    assert [response.agent_id for response in found.responses] == ["data_analyst", "technical_expert"]
    assert found.syntheses[0].contributions[0].weight == 0.7
    assert [mark.kind for mark in found.marks] == ["question", "directive", "response", "response", "synthesis"]


def ordered_only(session: Session) -> MultiAgentConversation:
    """A conversation of which no time, token or score is known."""
    row = scenes.conversation(session, "Dog genome", current_phase=ConversationPhase.COMPLETION)
    session.add(AgentParticipation(conversation_id=row.id, agent_id="WebSurfer", display_name="WebSurfer"))
    scenes.delegation(session, row, "WebSurfer", position=1)
    for position in range(3):
        session.add(
            ConversationMessage(
                conversation_id=row.id, position=position, speaker="WebSurfer", kind="note", content="assemblies/dog"
            )
        )
    session.flush()
    return row


def test_without_recorded_times_there_is_no_clock_and_no_duration(workspace: Workspace) -> None:
    found = stored(workspace, ordered_only)
    assert found.clock is None
    assert found.figures.duration_seconds is None
    assert found.figures.seconds == {}
    assert found.figures.input_tokens is None
    assert found.figures.quality is None
    assert found.figures.agreement is None
    row = workspace.read(lambda session: list_conversations(session, ConversationFilter())).rows[0]
    assert (row.duration_seconds, row.tokens) == (None, None)


def test_a_conversation_under_way_lasts_until_now(workspace: Workspace) -> None:
    def begun(session: Session) -> MultiAgentConversation:
        return scenes.conversation(session, outcome=None, source="live", started_at=delegations.now(session))

    found = stored(workspace, begun)
    assert found.is_under_way
    assert found.clock is not None
    assert found.clock.ended_at == found.as_of
    assert titles(workspace, state="under_way") == ["Spot instances?"]


def test_a_conversation_that_is_not_there_is_said_not_to_be(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="There is no conversation 77"):
        workspace.read(lambda session: conversations.conversation(session, 77))


def test_the_list_shows_who_took_part_and_how_far_the_tasks_came(workspace: Workspace) -> None:
    workspace.act(scenes.timed_conversation)
    row = workspace.read(lambda session: list_conversations(session, ConversationFilter())).rows[0]
    assert [participant.agent_id for participant in row.participants] == [
        "project_manager", "technical_expert", "data_analyst"
    ]  # fmt: skip
    # Two tasks, one of them in two attempts.
    assert (row.completed_delegations, row.total_delegations) == (2, 2)
    assert row.tokens == 2600
    assert row.state == "completed"


@pytest.mark.parametrize("words", ["spot", "NIGHTLY jobs", "message 3", "spot words", "100%", "jobs_"])
def test_every_word_has_to_occur_in_title_question_or_transcript(workspace: Workspace, words: str) -> None:
    workspace.act(scenes.timed_conversation)
    workspace.act(ordered_only)
    expected = [] if words in {"100%", "jobs_"} else ["Spot instances?"]
    assert titles(workspace, words=words) == expected


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"agent_id": "WebSurfer"}, ["Dog genome"]),
        ({"agent_id": "technical_expert"}, ["Spot instances?"]),
        ({"source": "import"}, ["Dog genome", "Spot instances?"]),
        ({"source": "sample"}, []),
        ({"state": "completed"}, ["Dog genome", "Spot instances?"]),
        ({"state": "failed"}, []),
        ({"phase": "planning"}, ["Still open"]),
        ({"phase": "completion"}, []),
    ],
)
def test_facets_narrow_the_list(workspace: Workspace, which: dict[str, str], found: list[str]) -> None:
    """A phase is of conversations under way: what has ended is in none."""
    workspace.act(scenes.timed_conversation)
    workspace.act(ordered_only)
    planning = {"current_phase": ConversationPhase.PLANNING, "outcome": None, "source": "live"}
    workspace.act(lambda session: scenes.conversation(session, "Still open", **planning))
    assert titles(workspace, **which) == found


def test_facets_say_how_many_there_are_to_choose_from(workspace: Workspace) -> None:
    workspace.act(scenes.timed_conversation)
    workspace.act(ordered_only)
    workspace.act(lambda session: scenes.conversation(session, outcome=None, source="live"))
    facets = workspace.read(conversation_lists.facets)
    assert facets.sources == {"import": 2, "live": 1}
    assert facets.states == {"completed": 2, "under_way": 1}
    assert facets.phases == {"initialization": 1}
    assert facets.agents["WebSurfer"] == 1
    assert facets.names["data_analyst"] == "Data Analyst"
    assert not facets.is_partial


def all_titles(workspace: Workspace, which: ConversationFilter, limit: int) -> list[str]:
    """Every page of the list, one after the other."""
    found: list[str] = []
    after: Cursor | None = None
    while True:
        page = workspace.read(partial(list_conversations, which=which, after=after, limit=limit))
        found += [row.title for row in page.rows]
        after = page.older
        if after is None:
            return found


def test_pages_follow_each_other_also_where_many_conversations_began_at_one_instant(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        for number in range(11):
            scenes.conversation(session, f"Conversation {number}")
        session.commit()
    expected = [f"Conversation {number}" for number in reversed(range(11))]
    assert all_titles(workspace, ConversationFilter(), 4) == expected
    assert all_titles(workspace, ConversationFilter(words="conversation"), 4) == expected


def test_a_search_goes_on_where_the_one_before_it_ended(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_lists, "SEARCHED_CONVERSATIONS", 3)
    with workspace.database.session(workspace.principal) as session:
        scenes.conversation(session, "The needle")
        for _ in range(7):
            scenes.conversation(session, "Hay")
        session.commit()
    first = workspace.read(lambda session: list_conversations(session, ConversationFilter(words="needle")))
    assert first.rows == ()
    assert first.older is not None
    assert all_titles(workspace, ConversationFilter(words="needle"), 50) == ["The needle"]


def test_a_transcript_is_read_in_windows(workspace: Workspace) -> None:
    conversation_id = workspace.act(scenes.timed_conversation).id
    window = workspace.read(lambda session: transcripts.messages(session, conversation_id, 1, 2))
    assert [message.content for message in window] == ["Words of message 1", "Words of message 2"]


def test_stances_are_read_where_they_were_recorded_and_nowhere_invented(workspace: Workspace) -> None:
    claims = [{"claim": "Spot is cheaper", "stances": {"technical_expert": "for"}}, {"claim": "No stances"}, "nonsense"]
    found = stored(workspace, lambda session: scenes.conversation(session, attributes={"claims": claims}))
    assert [(claim.text, claim.stances) for claim in found.claims] == [("Spot is cheaper", {"technical_expert": "for"})]
    assert stored(workspace, scenes.conversation).claims == ()


def test_a_member_sees_no_conversation_of_another(
    database: Database, member: Principal, other_member: Principal
) -> None:
    mine = Workspace(database, member)
    theirs = Workspace(database, other_member)
    conversation_id = mine.act(scenes.timed_conversation).id
    assert titles(mine) == ["Spot instances?"]
    assert titles(theirs) == []
    assert theirs.read(conversation_lists.facets).counted == 0
    assert theirs.read(lambda session: transcripts.messages(session, conversation_id, 0, 9)) == ()
    with pytest.raises(NotFound):
        theirs.read(lambda session: conversations.conversation(session, conversation_id))


READINGS: dict[str, Callable[[Session], Any]] = {
    "list": lambda session: list_conversations(session, ConversationFilter()),
    "search": lambda session: list_conversations(session, ConversationFilter(words="spot words", agent_id="x")),
    "conversation": lambda session: conversations.conversation(session, 1),
    "messages": lambda session: transcripts.messages(session, 1, 0, 30),
    "cards": lambda session: conversation_gpus(session, 1),
    "delegations": lambda session: delegations.list_delegations(session, DelegationFilter(status="failed")),
    "board": lambda session: delegations.board(session, DelegationFilter(agent_id="data_analyst")),
    "delegation": lambda session: delegations.delegation(session, 2),
}


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("role", ["operator", "member"])
def test_no_reading_has_to_scan_a_table_that_grows(
    database: Database, role: str, reading: str, request: pytest.FixtureRequest
) -> None:
    principal: Principal = request.getfixturevalue(role)
    Workspace(database, principal).act(scenes.timed_conversation)
    statements: list[tuple[str, Any]] = []
    with database.session(principal) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(database.engine, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
        READINGS[reading](session)
        for statement, parameters in tuple(statements):
            lines = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()
            plan = "\n".join(lines)
            # A table with no way in but a scan shows as one even where the planner is told to avoid them.
            assert "Seq Scan on" not in plan, f"{statement}\n{plan}"
    assert statements
