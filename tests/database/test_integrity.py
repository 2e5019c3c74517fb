"""What the database itself refuses, whoever asks."""

from collections.abc import Iterator
from itertools import product
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DuplicateEntry, InvalidInput, NotFound, TransitionRefused
from helios_core.models import (
    AgentConfiguration,
    AgentResponse,
    ChatModeSession,
    ConversationPhase,
    GPUAllocation,
    GPUResource,
    ModelProvider,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)


@pytest.fixture
def session_of_member(database: Database, member: Principal) -> Iterator[Session]:
    with database.session(member) as session:
        yield session


def delegation(**values: object) -> TaskDelegation:
    return TaskDelegation(
        **{"pm_agent_id": "project_manager", "target_agent_id": "data_analyst", "task_description": "Count"} | values
    )


def test_a_member_sees_only_their_own_rows(database: Database, member: Principal, other_member: Principal) -> None:
    with database.session(member) as session:
        session.add(delegation())
        session.commit()
    with database.session(other_member) as session:
        assert session.scalars(select(TaskDelegation)).all() == []
        assert session.scalar(text("SELECT count(*) FROM task_delegations")) == 0
    with database.session(member) as session:
        assert session.scalar(text("SELECT count(*) FROM task_delegations")) == 1


def test_an_operator_sees_the_rows_of_all(database: Database, member: Principal, operator: Principal) -> None:
    with database.session(member) as session:
        session.add(delegation())
        session.commit()
    with database.session(operator) as session:
        assert [row.user_id for row in session.scalars(select(TaskDelegation))] == [member.user_id]


def test_a_viewer_reads_and_writes_nothing(database: Database, member: Principal) -> None:
    assert member.user_id is not None
    with database.session(Principal(member.user_id, "viewer")) as session:
        session.add(delegation())
        with pytest.raises(ProgrammingError, match="row-level security"):
            session.flush()


def test_a_row_of_another_user_cannot_be_referred_to(
    database: Database, member: Principal, other_member: Principal
) -> None:
    with database.session(member) as session:
        conversation, chat = MultiAgentConversation(title="Mine"), ChatModeSession()
        session.add_all([conversation, chat])
        session.commit()
    with database.session(other_member) as session:
        for reference in ({"conversation_id": conversation.id}, {"session_id": chat.id}, {"session_id": uuid4()}):
            with pytest.raises(NotFound), refusals(session):
                session.add(delegation(**reference))


def test_members_do_not_change_the_cards(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        session.add(GPUResource(uuid="GPU-x", name="x", host="desk", total_memory_mb=1))
        with pytest.raises(ProgrammingError, match="row-level security"):
            session.flush()


def configuration(agent_id: str) -> AgentConfiguration:
    return AgentConfiguration(agent_id=agent_id, assigned_llm="m", model_provider=ModelProvider.OLLAMA)


def test_there_is_one_default_configuration_of_an_agent(database: Database, operator: Principal) -> None:
    with database.session(operator) as session:
        session.add(configuration("data_analyst"))
        session.flush()
        with pytest.raises(DuplicateEntry, match="with this agent id"), refusals(session):
            session.add(configuration("data_analyst"))


def test_an_allocation_refers_to_a_default_configuration_only_as_a_default(
    database: Database, operator: Principal
) -> None:
    with database.session(operator) as session:
        own = configuration("data_analyst")
        own.user_id = operator.user_id
        session.add_all([own, GPUResource(uuid="GPU-x", name="x", host="desk", total_memory_mb=1)])
        session.flush()
        with pytest.raises(NotFound), refusals(session):
            session.add(GPUAllocation(gpu_id=0, agent_id="a", allocated_memory_mb=1, default_configuration_id=own.id))
        with refusals(session):
            session.add(GPUAllocation(gpu_id=0, agent_id="a", allocated_memory_mb=1, configuration_id=own.id))


def test_a_value_out_of_range_is_refused_by_name(session_of_member: Session) -> None:
    beyond = [
        ("progress_percent", 101),
        ("progress_percent", -1),
        ("priority", 0),
        ("attempt", 0),
        ("timeout_seconds", 0),
    ]
    for field, value in beyond:
        with pytest.raises(InvalidInput) as refused, refusals(session_of_member):
            session_of_member.add(delegation(**{field: value}))
        assert list(refused.value.fields) == [field]


ALLOWED = {
    "pending": {"in_progress", "cancelled", "timeout"},
    "in_progress": {"completed", "failed", "cancelled", "timeout"},
}


def test_a_delegation_changes_only_along_its_transitions(session_of_member: Session) -> None:
    for before, after in product(TaskDelegationStatus, repeat=2):
        row = delegation(status=before)
        session_of_member.add(row)
        session_of_member.flush()
        if before is after or after.value in ALLOWED.get(before.value, set()):
            with refusals(session_of_member):
                row.status = after
        else:
            sentence = f"from {before.value} to {after.value}"
            with pytest.raises(TransitionRefused, match=sentence), refusals(session_of_member):
                row.status = after


def test_a_conversation_only_goes_forward_but_a_review_may_send_it_back(session_of_member: Session) -> None:
    order = list(ConversationPhase)
    for before, after in product(order, repeat=2):
        row = MultiAgentConversation(title="Spot", current_phase=before)
        session_of_member.add(row)
        session_of_member.flush()
        if order.index(after) >= order.index(before) or (before, after) == ("review", "delegation"):
            with refusals(session_of_member):
                row.current_phase = after
        else:
            with pytest.raises(TransitionRefused), refusals(session_of_member):
                row.current_phase = after


def test_what_has_ended_stays_ended(session_of_member: Session) -> None:
    row = MultiAgentConversation(title="Spot", outcome="completed")
    session_of_member.add(row)
    session_of_member.flush()
    with pytest.raises(TransitionRefused), refusals(session_of_member):
        row.outcome = None


def test_what_a_user_owned_goes_with_the_user(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        task = delegation()
        session.add(task)
        session.flush()
        session.add(AgentResponse(delegation_id=task.id, agent_id="data_analyst", content="42"))
        session.commit()
    with database.session(SYSTEM) as session:
        session.execute(text("DELETE FROM users WHERE id = :id"), {"id": member.user_id})
        session.commit()
        assert session.scalar(text("SELECT count(*) FROM task_delegations")) == 0
        assert session.scalar(text("SELECT count(*) FROM agent_responses")) == 0
