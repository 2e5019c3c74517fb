"""Data that has expired is shown before it goes, goes in batches, and leaves an event."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import EditConflict, InvalidInput, NotAllowed
from helios_core.models import (
    AgentResponse,
    AuditEvent,
    BlackboardEvent,
    GPUEvent,
    MultiAgentConversation,
    RetentionRule,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services import retention
from helios_core.services.workspace import Workspace

NOW = datetime.now(UTC)
OLD, RECENT = NOW - timedelta(days=90), NOW - timedelta(days=2)


@pytest.fixture
def filled(database: Database, member: Principal) -> None:
    """Conversations, events of agents and of cards, each old and recent, and an old conversation under way."""
    with database.session(member) as session:
        ages = [("completed", OLD), ("failed", OLD), ("completed", RECENT), (None, OLD)]
        found = [
            MultiAgentConversation(title="Spot", outcome=outcome, created_at=at, ended_at=at if outcome else None)
            for outcome, at in ages
        ]
        session.add_all(found)
        session.add_all(
            BlackboardEvent(source_agent_id="a", event_type="b", created_at=at) for at in (OLD, RECENT, RECENT)
        )
        session.flush()
        task = TaskDelegation(
            conversation_id=found[0].id,
            pm_agent_id="a",
            target_agent_id="b",
            task_description="Count",
            status=TaskDelegationStatus.COMPLETED,
        )
        session.add(task)
        session.flush()
        session.add(
            AgentResponse(conversation_id=found[0].id, delegation_id=task.id, agent_id="b", content="x" * 50_000)
        )
        session.commit()
    with database.session(SYSTEM) as session:
        session.add_all(GPUEvent(severity="ok", message="It is back.", occurred_at=at) for at in (OLD, RECENT))
        session.commit()


def keep(workspace: Workspace, data_class: str, keep_days: int | None, reason: str | None = None) -> None:
    workspace.act(lambda session: retention.keep(session, data_class, keep_days, reason))


def counts(workspace: Workspace) -> list[int | None]:
    tables = (MultiAgentConversation, TaskDelegation, AgentResponse, BlackboardEvent, GPUEvent)
    return workspace.read(lambda session: [session.scalar(select(func.count()).select_from(table)) for table in tables])


@pytest.mark.usefixtures("filled")
def test_what_has_expired_is_shown_and_nothing_is_deleted_by_showing(workspace: Workspace) -> None:
    assert workspace.read(retention.preview) == ()
    keep(workspace, "conversations", 30)
    keep(workspace, "gpu_events", 1)
    conversations, events = workspace.read(retention.preview)
    assert (conversations.data_class, conversations.row_count, conversations.oldest_at) == ("conversations", 2, OLD)
    assert conversations.size_bytes > 500
    assert (events.data_class, events.row_count, events.keep_days) == ("gpu_events", 2, 1)
    assert counts(workspace) == [4, 1, 1, 3, 2]


@pytest.mark.usefixtures("filled")
def test_what_was_shown_goes_with_its_parts_and_leaves_an_event(workspace: Workspace) -> None:
    for data_class in ("conversations", "blackboard_events", "gpu_events"):
        keep(workspace, data_class, 30)
    shown = workspace.read(retention.preview)
    assert retention.apply(workspace, shown) == {"blackboard_events": 1, "conversations": 2, "gpu_events": 1}
    assert counts(workspace) == [2, 0, 0, 2, 1]
    assert {expired.row_count for expired in workspace.read(retention.preview)} == {0}
    gone = select(AuditEvent).where(AuditEvent.action == "expired", AuditEvent.subject_id == "conversations")
    event = workspace.read(lambda session: session.scalars(gone).one())
    assert (event.actor_id, event.reason) == (workspace.principal.user_id, "kept for 30 days")
    assert event.before is not None
    assert (event.before["rows"], event.before["keep_days"]) == (2, 30)


@pytest.mark.usefixtures("filled")
def test_what_a_rule_would_end_is_known_before_there_is_a_rule(workspace: Workspace, member: Principal) -> None:
    shown = workspace.read(lambda session: retention.would_expire(session, "gpu_events", 30))
    assert workspace.read(retention.preview) == ()
    keep(workspace, "gpu_events", 30)
    (held,) = workspace.read(retention.preview)
    assert (shown.row_count, shown.oldest_at, shown.size_bytes) == (held.row_count, held.oldest_at, held.size_bytes)
    assert shown.row_count == 1
    with pytest.raises(InvalidInput):
        workspace.read(lambda session: retention.would_expire(session, "gpu_events", 0))
    with pytest.raises(NotAllowed):
        workspace.on_behalf_of(member).read(lambda session: retention.would_expire(session, "gpu_events", 30))


@pytest.mark.usefixtures("filled")
def test_what_expires_after_it_was_shown_stays(workspace: Workspace) -> None:
    keep(workspace, "gpu_events", 30)
    shown = workspace.read(retention.preview)
    keep(workspace, "gpu_events", 1)
    assert retention.apply(workspace, shown) == {"gpu_events": 1}


def test_many_rows_go_in_batches_each_with_its_event(workspace: Workspace, database: Database) -> None:
    with database.session(SYSTEM) as session:
        rows = [{"severity": "ok", "message": "It is back.", "occurred_at": OLD}] * (retention.BATCH_ROWS + 7)
        session.execute(insert(GPUEvent), rows)
        session.commit()
    keep(workspace, "gpu_events", 30)
    shown = workspace.read(retention.preview)
    assert retention.apply(workspace, shown) == {"gpu_events": retention.BATCH_ROWS + 7}
    batches = select(AuditEvent.before["rows"].as_integer()).where(AuditEvent.action == "expired")
    found = workspace.read(lambda session: session.scalars(batches.order_by(AuditEvent.id)).all())
    assert found == [retention.BATCH_ROWS, 7]


def test_how_long_data_is_kept_is_an_operators_decision_with_a_trace(workspace: Workspace, member: Principal) -> None:
    keep(workspace, "conversations", 30, "the law says so")
    keep(workspace, "conversations", 60)
    keep(workspace, "conversations", None)
    assert workspace.read(lambda session: session.scalars(select(RetentionRule)).all()) == []
    events = workspace.read(lambda session: session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all())
    assert [(event.action, event.reason) for event in events] == [
        ("added", "the law says so"),
        ("changed", None),
        ("removed", None),
    ]
    with pytest.raises(NotAllowed):
        keep(workspace.on_behalf_of(member), "conversations", 1)
    with pytest.raises(NotAllowed):
        workspace.on_behalf_of(member).read(retention.preview)
    for data_class, days, field in (("users", 1, "data_class"), ("conversations", 0, "keep_days")):
        with pytest.raises(InvalidInput) as refusal:
            keep(workspace, data_class, days)
        assert list(refusal.value.fields) == [field]


def test_nobody_overwrites_what_another_operator_decided_meanwhile(workspace: Workspace) -> None:
    def keep(days: int | None, seen: int | None) -> None:
        workspace.act(lambda session: retention.keep(session, "gpu_events", days, seen={"keep_days": seen}))

    keep(30, None)
    for days in (None, 90):
        with pytest.raises(EditConflict, match="how long it is kept"):
            keep(days, None)
    keep(90, 30)
