"""Workers: the processes that carry runs, as long as they are seen.

A worker shows itself every BEAT_SECONDS, by the database's clock, so that no host's clock matters. One that was not
seen for LEASE_SECONDS has ended, whether it knows or not: its runs wait for another worker, and nothing that it still
writes counts.
"""

import os
import socket
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from helios_core.models import (
    ConversationRun,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    Worker,
)
from helios_core.services import slots, statuses
from helios_core.services.announcements import Change, announce

BEAT_SECONDS = 2.0
LEASE_SECONDS = 8.0
REMEMBERED = text("interval '1 day'")
"""How long a worker that has ended is kept."""
REAPING = 0x72656170
"""The advisory lock of whoever looks for workers that have ended: one at a time."""


def enlist(session: Session, capacity: int) -> UUID:
    """Let this process be a worker that takes up so many runs at a time; its id."""
    worker = Worker(id=uuid4(), host=socket.gethostname(), pid=os.getpid(), capacity=capacity)
    session.add(worker)
    session.flush()
    return worker.id


def beat(session: Session, worker_id: UUID) -> bool:
    """Show that a worker is there; False where it counts as ended, so that it has to stop."""
    seen = (
        update(Worker).where(Worker.id == worker_id, Worker.ended_at.is_(None)).values(seen_at=func.clock_timestamp())
    )
    return session.scalar(seen.returning(Worker.id)) is not None


def reap(session: Session) -> tuple[UUID, ...]:
    """End the workers that are not seen any more, and say which: nobody, where another is looking already."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(REAPING))):
        return ()
    session.execute(delete(Worker).where(Worker.ended_at < func.now() - REMEMBERED))
    silent = select(Worker.id).where(
        Worker.ended_at.is_(None),
        Worker.seen_at < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, LEASE_SECONDS),
    )
    return tuple(worker_id for worker_id in session.scalars(silent).all() if bury(session, worker_id))


def living(session: Session) -> frozenset[UUID]:
    """The workers that do not count as ended."""
    return frozenset(session.scalars(select(Worker.id).where(Worker.ended_at.is_(None))))


def bury(session: Session, worker_id: UUID) -> bool:
    """End a worker: what it held waits for others, and its agents do what they really do. False: it had ended."""
    ended = (
        update(Worker).where(Worker.id == worker_id, Worker.ended_at.is_(None)).values(ended_at=func.clock_timestamp())
    )
    if session.scalar(ended.returning(Worker.id)) is None:
        return False
    held = _locked_runs(session, worker_id)
    session.execute(
        update(ConversationRun)
        .where(ConversationRun.conversation_id.in_(held))
        .values(worker_id=None, epoch=ConversationRun.epoch + 1)
        .execution_options(synchronize_session=False)
    )
    slots.give_back_all(session, worker_id)
    statuses.settle(session, _agents(session, held))
    announce(session, [Change("request", conversation_id) for conversation_id in held])
    return True


def _locked_runs(session: Session, worker_id: UUID) -> Sequence[int]:
    runs = select(ConversationRun.conversation_id).where(
        ConversationRun.worker_id == worker_id, ConversationRun.ended_at.is_(None)
    )
    return session.scalars(runs.order_by(ConversationRun.conversation_id).with_for_update()).all()


def _agents(session: Session, conversation_ids: Sequence[int]) -> set[tuple[int, str]]:
    """Whoever seemed to be at work in these conversations."""
    experts = session.execute(
        select(TaskDelegation.user_id, TaskDelegation.target_agent_id).where(
            TaskDelegation.conversation_id.in_(conversation_ids),
            TaskDelegation.status == TaskDelegationStatus.IN_PROGRESS,
        )
    )
    managers = session.execute(
        select(MultiAgentConversation.user_id, MultiAgentConversation.pm_agent_id).where(
            MultiAgentConversation.id.in_(conversation_ids), MultiAgentConversation.pm_agent_id.is_not(None)
        )
    )
    return {(user_id, agent_id) for user_id, agent_id in [*experts, *managers]}
