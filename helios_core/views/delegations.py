"""Delegations as the board, the Gantt and their own page show them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from helios_core.errors import NotFound
from helios_core.models import (
    AgentResponse,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.views.paging import Cursor, Page, older_than
from helios_core.views.participants import named, participants_of
from helios_core.views.responses import Response, measured_seconds, responses_of
from helios_core.views.segments import Measured, Segment, SegmentKind, segments, time_spent

UNDER_WAY = (TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS)
STATUSES = tuple(status.value for status in TaskDelegationStatus)
SILENCE_SECONDS = 600
"""Without a timeout of its own, a delegation is stuck after so long without a sign of progress."""
COUNTED_DELEGATIONS = 1000
"""Counts look at so many of the newest delegations, so that no page reads a table that grows without end."""


@dataclass(frozen=True, slots=True)
class DelegationFilter:
    """Which delegations to show; None is all."""

    status: str | None = None
    agent_id: str | None = None
    conversation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Delegation:
    """One attempt at one task. Times that nobody recorded are None, and then there are no segments."""

    id: int
    conversation_id: int | None
    conversation_title: str | None
    pm_agent_id: str
    pm_name: str
    target_agent_id: str
    target_name: str
    task: str
    status: str
    progress_percent: int | None
    priority: int
    position: int | None
    attempt: int
    retry_of: int | None
    timeout_seconds: int | None
    gpu_id: int | None
    error_message: str | None
    delegated_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    created_at: datetime
    duration_seconds: float | None
    """From the delegation to its end, or until now while it is under way."""
    segments: tuple[Segment, ...]
    stuck: str | None
    """Why it is stuck, as a sentence; None where it is not."""

    @property
    def is_under_way(self) -> bool:
        """Whether it is waiting or being worked on."""
        return self.status in UNDER_WAY


@dataclass(frozen=True, slots=True)
class Board:
    """The newest delegations of each status, all that are under way, and how many there are of each."""

    delegations: tuple[Delegation, ...]
    counts: Mapping[str, int]
    counted: int
    agents: tuple[tuple[str, str], ...]
    """Id and name of the agents that the counted delegations went to."""
    as_of: datetime

    @property
    def is_count_partial(self) -> bool:
        """Whether older delegations exist that the counts leave out."""
        return self.counted >= COUNTED_DELEGATIONS


@dataclass(frozen=True, slots=True)
class DelegationDetail:
    """Everything about one delegation."""

    delegation: Delegation
    directive: str | None
    requirements: tuple[str, ...]
    context: Mapping[str, Any]
    attempts: tuple[Delegation, ...]
    """All attempts at the task, the first one first; the delegation itself is among them."""
    responses: tuple[Response, ...]
    seconds: Mapping[SegmentKind, float]
    """Where the time of this attempt went; empty where nothing was recorded."""
    gpu_name: str | None
    as_of: datetime


def board(session: Session, which: DelegationFilter, per_status: int = 8) -> Board:
    """The newest of each status, whatever status the filter asks for, and all that are under way."""
    as_of = now(session)
    every_status = replace(which, status=None)
    newest = _newest(every_status).subquery()
    ranked = select(
        newest.c.id,
        func.row_number()
        .over(partition_by=newest.c.status, order_by=(newest.c.created_at.desc(), newest.c.id.desc()))
        .label("rank"),
    ).subquery()
    chosen = select(TaskDelegation).where(TaskDelegation.id.in_(select(ranked.c.id).where(ranked.c.rank <= per_status)))
    rows = {row.id: row for row in delegations(session, chosen, as_of) + under_way(session, every_status, as_of)}
    counts, agents = _counted(session, every_status)
    newest_first = sorted(rows.values(), key=lambda row: (row.created_at, row.id), reverse=True)
    return Board(tuple(newest_first), counts, sum(counts.values()), agents, as_of)


def list_delegations(
    session: Session, which: DelegationFilter, after: Cursor | None = None, limit: int = 100
) -> Page[Delegation]:
    """The newest delegations that match."""
    statement = _matching(which).where(older_than(after, TaskDelegation.created_at, TaskDelegation.id))
    statement = statement.order_by(TaskDelegation.created_at.desc(), TaskDelegation.id.desc()).limit(limit)
    rows = delegations(session, statement, now(session))
    return Page(rows, Cursor(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None)


def under_way(session: Session, which: DelegationFilter, as_of: datetime, limit: int = 200) -> tuple[Delegation, ...]:
    """The newest delegations that wait or are being worked on."""
    if which.status is not None and TaskDelegationStatus(which.status) not in UNDER_WAY:
        return ()
    statement = _matching(which).where(TaskDelegation.status.in_(UNDER_WAY))
    statement = statement.order_by(TaskDelegation.created_at.desc(), TaskDelegation.id.desc()).limit(limit)
    return delegations(session, statement, as_of)


def of_conversation(session: Session, conversation_id: int, as_of: datetime) -> tuple[Delegation, ...]:
    """A conversation's delegations in their order."""
    order = (TaskDelegation.position.nulls_last(), TaskDelegation.id)
    return delegations(session, _matching(DelegationFilter(conversation_id=conversation_id)).order_by(*order), as_of)


def delegation(session: Session, delegation_id: int) -> DelegationDetail:
    """One delegation with its attempts and what came back."""
    row = session.scalar(select(TaskDelegation).where(TaskDelegation.id == delegation_id))
    if row is None:
        message = f"There is no delegation {delegation_id}."
        raise NotFound(message)
    as_of = now(session)
    attempts = _attempts(session, row.id, as_of)
    this = next(attempt for attempt in attempts if attempt.id == row.id)
    responses = responses_of(session, AgentResponse.delegation_id == row.id)
    recorded = responses[-1].measured if responses else {}
    return DelegationDetail(
        delegation=this,
        directive=row.delegation_directive,
        requirements=tuple(map(str, row.requirements)),
        context=row.context,
        attempts=attempts,
        responses=responses,
        seconds=time_spent(this.segments) or {kind: value for kind, value in recorded.items() if value},
        gpu_name=session.scalar(select(GPUResource.name).where(GPUResource.id == row.gpu_id)),
        as_of=as_of,
    )


def now(session: Session) -> datetime:
    """The database's clock, so that ages never depend on the reader's."""
    return session.execute(select(func.now())).scalar_one()


def _matching(which: DelegationFilter) -> Select[TaskDelegation]:
    conditions: list[ColumnElement[bool]] = []
    if which.status is not None:
        conditions.append(TaskDelegation.status == TaskDelegationStatus(which.status))
    if which.agent_id is not None:
        conditions.append(TaskDelegation.target_agent_id == which.agent_id)
    if which.conversation_id is not None:
        conditions.append(TaskDelegation.conversation_id == which.conversation_id)
    return select(TaskDelegation).where(*conditions)


def _newest(which: DelegationFilter) -> Select[int, TaskDelegationStatus, str, datetime]:
    """What the board counts: so many of the newest that match."""
    columns = (TaskDelegation.id, TaskDelegation.status, TaskDelegation.target_agent_id, TaskDelegation.created_at)
    return (
        _matching(which)
        .with_only_columns(*columns)
        .order_by(TaskDelegation.created_at.desc(), TaskDelegation.id.desc())
        .limit(COUNTED_DELEGATIONS)
    )


def _counted(session: Session, which: DelegationFilter) -> tuple[dict[str, int], tuple[tuple[str, str], ...]]:
    """How many of the newest delegations have each status, and which agents they went to."""
    newest = _newest(which).subquery()
    keys = (newest.c.status, newest.c.target_agent_id)
    counts = dict.fromkeys(STATUSES, 0)
    agents: dict[str, str] = {}
    for status, agent_id, number in session.execute(select(*keys, func.count()).group_by(*keys)):
        counts[status.value] += number
        agents[agent_id] = named(agent_id)
    return counts, tuple(sorted(agents.items(), key=lambda agent: agent[1]))


# Rows of the board


def delegations(session: Session, statement: Select[TaskDelegation], as_of: datetime) -> tuple[Delegation, ...]:
    """The delegations that `statement` finds, in its order, with names and segments: four queries, however many."""
    rows = session.scalars(statement).all()
    titles = _titles(session, rows)
    names = _names(session, rows)
    measured = measured_seconds(session, [row.id for row in rows])
    return tuple(_delegation(row, titles, names, measured.get(row.id, {}), as_of) for row in rows)


def _delegation(
    row: TaskDelegation,
    titles: Mapping[int, str],
    names: Mapping[tuple[int, str], str],
    measured: Measured,
    as_of: datetime,
) -> Delegation:
    def name(agent_id: str) -> str:
        return named(agent_id, names.get((row.conversation_id or 0, agent_id)))

    is_under_way = row.status in UNDER_WAY
    ended_at = as_of if is_under_way else row.completed_at
    began_at = row.delegated_at or row.started_at
    never_started = row.started_at is None and row.status in {
        TaskDelegationStatus.PENDING,
        TaskDelegationStatus.CANCELLED,
    }
    return Delegation(
        id=row.id,
        conversation_id=row.conversation_id,
        conversation_title=titles.get(row.conversation_id or 0),
        pm_agent_id=row.pm_agent_id,
        pm_name=name(row.pm_agent_id),
        target_agent_id=row.target_agent_id,
        target_name=name(row.target_agent_id),
        task=row.task_description,
        status=row.status.value,
        progress_percent=row.progress_percent,
        priority=row.priority,
        position=row.position,
        attempt=row.attempt,
        retry_of=row.retry_of,
        timeout_seconds=row.timeout_seconds,
        gpu_id=row.gpu_id,
        error_message=row.error_message,
        delegated_at=row.delegated_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        created_at=row.created_at,
        duration_seconds=(ended_at - began_at).total_seconds() if ended_at and began_at else None,
        segments=segments(row.delegated_at, ended_at if never_started else row.started_at, ended_at, measured),
        stuck=_stuck(row, as_of),
    )


def _stuck(row: TaskDelegation, as_of: datetime) -> str | None:
    """Why a delegation in progress will probably not end by itself."""
    if row.status is not TaskDelegationStatus.IN_PROGRESS or row.started_at is None:
        return None
    running = as_of - row.started_at
    if row.timeout_seconds and running > timedelta(seconds=row.timeout_seconds):
        return f"In progress for {_minutes(running)}; its timeout is {row.timeout_seconds} s."
    silence = as_of - max(row.started_at, row.updated_at)
    if row.timeout_seconds is None and silence > timedelta(seconds=SILENCE_SECONDS):
        return f"No sign of progress for {_minutes(silence)}."
    return None


def _minutes(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _titles(session: Session, rows: Iterable[TaskDelegation]) -> dict[int, str]:
    ids = {row.conversation_id for row in rows if row.conversation_id is not None}
    if not ids:
        return {}
    found = select(MultiAgentConversation.id, MultiAgentConversation.title).where(MultiAgentConversation.id.in_(ids))
    return dict(session.execute(found).all())


def _names(session: Session, rows: Iterable[TaskDelegation]) -> dict[tuple[int, str], str]:
    """The names under which agents took part in their conversations, by conversation and agent."""
    ids = {row.conversation_id for row in rows if row.conversation_id is not None}
    return {
        (conversation_id, participant.agent_id): participant.name
        for conversation_id, participants in participants_of(session, ids).items()
        for participant in participants
    }


def _attempts(session: Session, delegation_id: int, as_of: datetime) -> tuple[Delegation, ...]:
    """The chain of retries that `delegation_id` belongs to: up to the first attempt, and down from there."""
    before = (
        select(TaskDelegation.id, TaskDelegation.retry_of)
        .where(TaskDelegation.id == delegation_id)
        .cte("before", recursive=True)
    )
    earlier = aliased(TaskDelegation)
    before = before.union(select(earlier.id, earlier.retry_of).join(before, earlier.id == before.c.retry_of))
    first = select(before.c.id).where(before.c.retry_of.is_(None)).cte("attempts", recursive=True)
    later = aliased(TaskDelegation)
    chain = first.union(select(later.id).join(first, later.retry_of == first.c.id))
    statement = select(TaskDelegation).where(TaskDelegation.id.in_(select(chain.c.id)))
    return delegations(session, statement.order_by(TaskDelegation.attempt, TaskDelegation.id), as_of)
