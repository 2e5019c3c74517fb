"""What agents announce, each thing once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from helios_core.database.session import Principal
from helios_core.errors import NotFound
from helios_core.models import BlackboardEvent, TaskDelegation
from helios_core.services.blackboard import announce_delegation, announce_response, announce_synthesis
from helios_core.services.chat_sessions import attach_conversation
from helios_core.services.workspace import Workspace
from tests.services.teamwork import Teamwork, teamwork


def events(workspace: Workspace) -> list[BlackboardEvent]:
    return list(workspace.read(lambda s: s.scalars(select(BlackboardEvent).order_by(BlackboardEvent.id)).all()))


@pytest.fixture
def mine(workspace: Workspace, member: Principal) -> Workspace:
    return workspace.on_behalf_of(member)


@pytest.fixture
def work(mine: Workspace) -> Teamwork:
    return mine.act(teamwork)


def test_a_delegation_is_announced_by_the_pm_and_linked_to_its_event(mine: Workspace, work: Teamwork) -> None:
    chat_id = mine.act(lambda session: attach_conversation(session, work.conversation_id))
    delegation_id = work.delegation_ids[0]
    event_id = mine.act(lambda session: announce_delegation(session, delegation_id))
    (event,) = events(mine)
    assert (event.id, event.session_id, event.source_agent_id, event.event_type) == (
        event_id, chat_id, "project_manager", "delegation",
    )  # fmt: skip
    assert event.event_payload == {
        "delegation_id": delegation_id,
        "conversation_id": work.conversation_id,
        "target_agent_id": "technical_expert",
        "task": "Assess the cost.",
        "attempt": 1,
    }
    delegation = mine.read(lambda session: session.get_one(TaskDelegation, delegation_id))
    assert delegation.blackboard_event_id == event_id


def test_responses_and_the_synthesis_are_announced_with_their_figures(mine: Workspace, work: Teamwork) -> None:
    for response_id in work.response_ids:
        mine.act(lambda session, response_id=response_id: announce_response(session, response_id))  # type: ignore[misc]
    mine.act(lambda session: announce_synthesis(session, work.synthesis_id))
    first, second, last = events(mine)
    assert [event.source_agent_id for event in (first, second, last)] == [
        "technical_expert", "data_analyst", "project_manager",
    ]  # fmt: skip
    assert first.event_payload["confidence_score"] == 0.8
    assert first.event_payload["quality_score"] is None
    assert last.event_payload["effective_votes"] == 1.4


def test_what_is_announced_twice_or_at_once_is_announced_once(mine: Workspace, work: Teamwork) -> None:
    def announce(_: int) -> tuple[int, ...]:
        return mine.act(
            lambda session: (
                announce_delegation(session, work.delegation_ids[0]),
                announce_response(session, work.response_ids[0]),
                announce_synthesis(session, work.synthesis_id),
            )
        )

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(announce, range(8)))
    assert answers == {tuple(event.id for event in events(mine))}
    assert len(events(mine)) == 3


def test_an_operator_announces_in_the_name_of_whose_conversation_it_is(
    workspace: Workspace, member: Principal, work: Teamwork
) -> None:
    workspace.act(lambda session: announce_delegation(session, work.delegation_ids[0]))
    assert [event.user_id for event in events(workspace)] == [member.user_id]


def test_what_somebody_else_has_cannot_be_announced(
    workspace: Workspace, other_member: Principal, work: Teamwork
) -> None:
    theirs = workspace.on_behalf_of(other_member)
    for announce, row_id in (
        (announce_delegation, work.delegation_ids[0]),
        (announce_response, work.response_ids[0]),
        (announce_synthesis, work.synthesis_id),
    ):
        with pytest.raises(NotFound):
            theirs.act(lambda session, announce=announce, row_id=row_id: announce(session, row_id))  # type: ignore[misc]
    assert events(workspace) == []
