from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import NotAllowed, NotFound
from helios_core.models import (
    AgentParticipation,
    AgentResponse,
    ConversationMessage,
    ConversationPhase,
    ConversationPhaseSpan,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    TaskSynthesis,
)
from helios_core.services.conversations import (
    ImportResult,
    Source,
    import_conversation,
    remove_conversation,
    remove_samples,
)
from helios_core.services.records import (
    ContributionRecord,
    ConversationRecord,
    DelegationRecord,
    MessageRecord,
    ParticipantRecord,
    PhaseRecord,
    ResponseRecord,
    SynthesisRecord,
)
from helios_core.services.workspace import Workspace

TABLES = (
    MultiAgentConversation,
    AgentParticipation,
    ConversationPhaseSpan,
    ConversationMessage,
    TaskDelegation,
    AgentResponse,
    TaskSynthesis,
)
NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


def delegation(**more: Any) -> DelegationRecord:  # noqa: ANN401 - the fields of a record
    known = {
        "pm_agent_id": "project_manager",
        "target_agent_id": "data_analyst",
        "task_description": "Count.",
        "status": TaskDelegationStatus.COMPLETED,
    }
    return DelegationRecord(**known | more)


RECORD = ConversationRecord(
    title="How many?",
    pm_agent_id="project_manager",
    outcome="completed",
    attributes={"framework": "a test"},
    participants=(
        ParticipantRecord(agent_id="project_manager", role="pm"),
        ParticipantRecord(agent_id="data_analyst", model_name="llama3.1:8b"),
        ParticipantRecord(agent_id="socratic_expert"),
    ),
    phases=(PhaseRecord(phase=ConversationPhase.PROCESSING), PhaseRecord(phase=ConversationPhase.REVIEW, label="end")),
    messages=(
        MessageRecord(speaker="project_manager", kind="directive", content="Count.", delegation=1, occurred_at=NINE),
        MessageRecord(
            speaker="data_analyst",
            kind="response",
            content="Three.",
            delegation=1,
            input_tokens=100,
            output_tokens=2,
            occurred_at=NINE + timedelta(seconds=4),
        ),
        MessageRecord(
            speaker="data_analyst",
            kind="response",
            content="No, four.",
            delegation=1,
            input_tokens=120,
            occurred_at=NINE + timedelta(seconds=9),
        ),
    ),
    delegations=(delegation(status=TaskDelegationStatus.FAILED), delegation(retry_of=0, attempt=2, position=0)),
    responses=(
        ResponseRecord(
            delegation=1,
            agent_id="data_analyst",
            content="Three.",
            quality_score=0.5,
            response_seconds=4,
            position=1,
            started_at=NINE,
        ),
        ResponseRecord(
            delegation=1, agent_id="data_analyst", content="No, four.", quality_score=1.0, response_seconds=5
        ),
    ),
    syntheses=(
        SynthesisRecord(
            synthesizer_agent_id="project_manager",
            content="Four.",
            contributions=(
                ContributionRecord(response=0, agent_id="data_analyst", weight=0.25),
                ContributionRecord(response=1, agent_id="data_analyst", weight=0.5),
            ),
        ),
    ),
)


def store(
    workspace: Workspace, record: ConversationRecord = RECORD, source: Source = "import", digest: str = "d1"
) -> ImportResult:
    """Import a record as the workspace's user."""
    return workspace.act(
        lambda session: import_conversation(session, record, source=source, source_name="how-many.json", digest=digest)
    )


def row_count(session: Session) -> int:
    """How many rows the tables of conversations have together."""
    return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES)


def participation(workspace: Workspace, agent_id: str) -> AgentParticipation:
    """What is stored of one agent's part."""
    with workspace.database.session(workspace.principal) as session:
        return session.scalars(select(AgentParticipation).where(AgentParticipation.agent_id == agent_id)).one()


def test_an_import_fills_every_table_of_a_conversation(workspace: Workspace) -> None:
    result = store(workspace)
    with workspace.database.session(workspace.principal) as session:
        conversation = session.get_one(MultiAgentConversation, result.conversation_id)
        counts = [session.scalar(select(func.count()).select_from(table)) for table in TABLES]
    assert counts == [1, 3, 2, 3, 2, 2, 1]
    assert conversation.current_phase is ConversationPhase.REVIEW
    assert (conversation.source, conversation.source_name) == ("import", "how-many.json")
    assert result.is_new


def test_references_within_a_record_become_references_between_rows(workspace: Workspace) -> None:
    store(workspace)
    with workspace.database.session(workspace.principal) as session:
        first, second = session.scalars(select(TaskDelegation).order_by(TaskDelegation.id))
        responses = session.scalars(select(AgentResponse).order_by(AgentResponse.id)).all()
        messages = session.scalars(select(ConversationMessage)).all()
        synthesis = session.scalars(select(TaskSynthesis)).one()
    assert second.retry_of == first.id
    assert {response.delegation_id for response in responses} == {second.id}
    assert {message.delegation_id for message in messages} == {second.id}
    assert [part["response_id"] for part in synthesis.contributions] == [response.id for response in responses]


def test_a_participation_is_counted_from_what_was_said(workspace: Workspace) -> None:
    store(workspace)
    analyst = participation(workspace, "data_analyst")
    assert (analyst.turns, analyst.input_tokens, analyst.quality_score) == (2, 220, 0.75)
    assert (analyst.first_response_seconds, analyst.average_response_seconds) == (4.0, 4.5)
    assert analyst.contribution_percent == 75.0
    assert (analyst.joined_at, analyst.left_at) == (NINE + timedelta(seconds=4), NINE + timedelta(seconds=9))


def test_a_sum_with_an_unknown_part_is_unknown(workspace: Workspace) -> None:
    store(workspace)
    assert participation(workspace, "data_analyst").output_tokens is None


def test_who_said_nothing_took_no_turn_and_everything_else_is_unknown(workspace: Workspace) -> None:
    store(workspace)
    silent = participation(workspace, "socratic_expert")
    assert silent.turns == 0
    assert (silent.input_tokens, silent.quality_score, silent.contribution_percent, silent.joined_at) == (None,) * 4


def test_the_same_digest_twice_is_one_conversation(workspace: Workspace) -> None:
    first = store(workspace)
    before = workspace.read(row_count)
    assert store(workspace) == ImportResult(first.conversation_id, "How many?", is_new=False)
    assert workspace.read(row_count) == before


def test_imports_of_one_file_at_the_same_time_are_one_conversation(workspace: Workspace) -> None:
    with ThreadPoolExecutor(max_workers=6) as pool:
        results = list(pool.map(lambda _: store(workspace), range(12)))
    assert len({result.conversation_id for result in results}) == 1
    assert sum(result.is_new for result in results) == 1
    assert workspace.read(row_count) == 14


def test_an_import_that_waits_for_one_that_fails_takes_its_place(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as failing:
        import_conversation(failing, RECORD, source="import", source_name="how-many.json", digest="d1")
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = pool.submit(store, workspace)
            failing.rollback()
            assert waiting.result(timeout=30).is_new


def test_a_conversation_belongs_to_a_user(database: Database) -> None:
    with pytest.raises(NotAllowed):
        store(Workspace(database, SYSTEM))


def test_an_import_is_seen_by_its_user_only(database: Database, member: Principal, other_member: Principal) -> None:
    store(Workspace(database, member))
    assert Workspace(database, other_member).read(row_count) == 0


def test_removing_a_conversation_removes_all_its_parts(workspace: Workspace) -> None:
    conversation_id = store(workspace).conversation_id
    workspace.act(lambda session: remove_conversation(session, conversation_id))
    assert workspace.read(row_count) == 0
    with pytest.raises(NotFound):
        workspace.act(lambda session: remove_conversation(session, conversation_id))


def test_nobody_removes_a_conversation_of_another_user(
    database: Database, member: Principal, other_member: Principal
) -> None:
    conversation_id = store(Workspace(database, member)).conversation_id
    with pytest.raises(NotFound):
        Workspace(database, other_member).act(lambda session: remove_conversation(session, conversation_id))


def test_samples_are_removed_and_nothing_else(workspace: Workspace) -> None:
    store(workspace, source="sample", digest="s1")
    store(workspace, source="sample", digest="s2")
    kept = store(workspace)
    assert workspace.act(remove_samples) == 2
    with workspace.database.session(workspace.principal) as session:
        assert session.scalars(select(MultiAgentConversation.id)).all() == [kept.conversation_id]


@pytest.mark.parametrize(
    ("source", "said", "known"),
    [
        ("sample", {"gpu_id": 0}, True),
        ("sample", {"gpu_id": 9}, False),
        ("import", {"gpu_id": 0}, False),
        ("import", {"gpu_id": 9, "gpu_uuid": "GPU-here"}, True),
        ("import", {"gpu_id": 0, "gpu_uuid": "GPU-elsewhere"}, False),
    ],
)
def test_a_card_is_known_by_its_uuid_and_in_samples_by_its_number(
    workspace: Workspace, source: Source, said: dict[str, object], known: bool
) -> None:
    with workspace.database.session(SYSTEM) as session:
        session.add(GPUResource(id=0, uuid="GPU-here", name="RTX Titan X", host="here", total_memory_mb=12288))
        session.commit()
    record = RECORD.model_copy(update={"delegations": (delegation(**said), delegation(**said))})
    store(workspace, record, source)
    with workspace.database.session(workspace.principal) as session:
        assert set(session.scalars(select(TaskDelegation.gpu_id))) == {0 if known else None}
