"""A conversation while the team is at it: where it stands, who is thinking, and what they have written so far."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import (
    AnswerDraft,
    CardLease,
    ConversationMessage,
    ConversationPhase,
    ConversationPhaseSpan,
    ConversationRun,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    Worker,
)
from helios_core.services.workers import LEASE_SECONDS
from helios_core.views.participants import named

RunState = Literal["waiting", "running", "paused", "ended"]
"""Waiting: for a worker, a new one or one that takes over. Ended: also what was never led by Helios."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What an agent has written so far of an answer; the plan and the synthesis have no delegation."""

    agent_id: str
    name: str
    delegation_id: int | None
    text: str
    started_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """A delegation as it stands. `is_waiting_for_card`: its card works for as many others as it may."""

    delegation_id: int
    agent_id: str
    name: str
    description: str
    status: str
    attempt: int
    retry_of: int | None
    gpu_id: int | None
    is_waiting_for_card: bool
    error_message: str | None
    delegated_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a conversation stands. What is not known is None."""

    conversation_id: int
    title: str
    state: RunState
    phase: str
    phases: tuple[str, ...]
    """All that it went through so far; one comes twice where the review sends back."""
    outcome: str | None
    outcome_reason: str | None
    is_rehearsal: bool
    started_at: datetime | None
    ended_at: datetime | None
    now: datetime
    """The database's clock, which the other times are by."""
    worker: str | None
    """The host and process that carries it."""
    messages: int
    input_tokens: int | None
    output_tokens: int | None
    tasks: tuple[Task, ...]
    writing: tuple[Writing, ...]


def progress(session: Session, conversation_id: int) -> Progress:
    """Where a conversation stands now. Raises NotFound."""
    found = session.execute(
        select(MultiAgentConversation, ConversationRun, Worker, func.clock_timestamp())
        .outerjoin(ConversationRun, ConversationRun.conversation_id == MultiAgentConversation.id)
        .outerjoin(Worker, Worker.id == ConversationRun.worker_id)
        .where(MultiAgentConversation.id == conversation_id)
    ).one_or_none()
    if found is None:
        raise NotFound(f"There is no conversation {conversation_id}.")
    conversation, run, worker, now = found
    messages, input_tokens, output_tokens = session.execute(
        select(
            func.count(), func.sum(ConversationMessage.input_tokens), func.sum(ConversationMessage.output_tokens)
        ).where(ConversationMessage.conversation_id == conversation_id)
    ).one()
    return Progress(
        conversation_id=conversation.id,
        title=conversation.title,
        state=_state(conversation, run, worker, now),
        phase=conversation.current_phase.value,
        phases=_phases(session, conversation_id),
        outcome=conversation.outcome,
        outcome_reason=conversation.outcome_reason,
        is_rehearsal=conversation.source == "rehearsal",
        started_at=conversation.started_at,
        ended_at=conversation.ended_at,
        now=now,
        worker=None if worker is None else f"{worker.host}, process {worker.pid}",
        messages=messages,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        tasks=_tasks(session, conversation_id),
        writing=_writing(session, conversation_id) if conversation.outcome is None else (),
    )


def under_way(session: Session) -> tuple[int, ...]:
    """The conversations that the reader may see and that have not ended, the newest first."""
    runs = select(ConversationRun.conversation_id).where(ConversationRun.ended_at.is_(None))
    return tuple(session.scalars(runs.order_by(ConversationRun.conversation_id.desc())))


def may_give_again(phase: str) -> bool:
    """Whether a task can be retried or reassigned while the conversation is in this phase."""
    return phase in {ConversationPhase.DELEGATION.value, ConversationPhase.PROCESSING.value}


def _state(
    conversation: MultiAgentConversation, run: ConversationRun | None, worker: Worker | None, now: datetime
) -> RunState:
    if run is None or run.ended_at is not None or conversation.outcome is not None:
        return "ended"
    if run.paused_at is not None:
        return "paused"
    is_seen = worker is not None and worker.ended_at is None and (now - worker.seen_at).total_seconds() < LEASE_SECONDS
    return "running" if is_seen else "waiting"


def _phases(session: Session, conversation_id: int) -> tuple[str, ...]:
    spans = select(ConversationPhaseSpan.phase).where(ConversationPhaseSpan.conversation_id == conversation_id)
    return tuple(phase.value for phase in session.scalars(spans.order_by(ConversationPhaseSpan.position)))


def _tasks(session: Session, conversation_id: int) -> tuple[Task, ...]:
    rows = session.execute(
        select(TaskDelegation, CardLease)
        .outerjoin(CardLease, CardLease.delegation_id == TaskDelegation.id)
        .where(TaskDelegation.conversation_id == conversation_id)
        .order_by(TaskDelegation.position, TaskDelegation.id)
    )
    return tuple(_task(delegation, lease) for delegation, lease in rows)


def _task(row: TaskDelegation, lease: CardLease | None) -> Task:
    is_pending = row.status is TaskDelegationStatus.PENDING
    return Task(
        delegation_id=row.id,
        agent_id=row.target_agent_id,
        name=named(row.target_agent_id),
        description=row.task_description,
        status=row.status.value,
        attempt=row.attempt,
        retry_of=row.retry_of,
        gpu_id=row.gpu_id if lease is None else lease.gpu_id,
        is_waiting_for_card=is_pending and lease is not None and lease.granted_at is None,
        error_message=row.error_message,
        delegated_at=row.delegated_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )


def _writing(session: Session, conversation_id: int) -> tuple[Writing, ...]:
    rows = session.scalars(
        select(AnswerDraft).where(AnswerDraft.conversation_id == conversation_id).order_by(AnswerDraft.id)
    )
    return tuple(
        Writing(row.agent_id, named(row.agent_id), row.delegation_id, row.content, row.started_at, row.updated_at)
        for row in rows
    )
