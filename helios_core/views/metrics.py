"""The figures that a monitoring system reads again and again: of cards, collectors, agents and what is under way.

Nothing here goes through a table that grows: what has ended is told by the agents' profiles, which count it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.models import AgentProfile, MultiAgentConversation, TaskDelegation, TaskDelegationStatus
from helios_core.views.gpus import CollectorState, GpuCard, collector_state, list_gpus

COUNTED_DELEGATIONS = 10_000
"""So many of the newest are counted at most."""


@dataclass(frozen=True, slots=True)
class EndedWork:
    """How many delegations to an agent have ended, and how."""

    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """All of it, as the reader may see it."""

    read_at: datetime
    cards: tuple[GpuCard, ...]
    collectors: tuple[CollectorState, ...]
    conversations: Mapping[str, int]
    """How many are under way, by phase."""
    delegations: Mapping[tuple[str, str], int]
    """How many have not ended, by agent and status."""
    ended_work: Mapping[str, EndedWork]
    """By agent."""
    database_bytes: int


def read_metrics(session: Session) -> Metrics:
    """The figures of this moment."""
    read_at, database_bytes = session.execute(select(func.now(), func.pg_database_size(func.current_database()))).one()
    return Metrics(
        read_at=read_at,
        cards=list_gpus(session),
        collectors=collector_state(session),
        conversations=_conversations(session),
        delegations=_delegations(session),
        ended_work=_ended_work(session),
        database_bytes=database_bytes,
    )


def _conversations(session: Session) -> dict[str, int]:
    phase = MultiAgentConversation.current_phase
    rows = session.execute(select(phase, func.count()).where(MultiAgentConversation.outcome.is_(None)).group_by(phase))
    return {found.value: count for found, count in rows}


def _delegations(session: Session) -> dict[tuple[str, str], int]:
    under_way = TaskDelegation.status.in_([TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS])
    newest = (
        select(TaskDelegation.target_agent_id, TaskDelegation.status)
        .where(under_way)
        .order_by(TaskDelegation.created_at.desc())
        .limit(COUNTED_DELEGATIONS)
        .subquery()
    )
    by = (newest.c.target_agent_id, newest.c.status)
    rows = session.execute(select(*by, func.count()).group_by(*by))
    return {(agent_id, status.value): count for agent_id, status, count in rows}


def _ended_work(session: Session) -> dict[str, EndedWork]:
    rows = session.execute(
        select(
            AgentProfile.agent_id,
            func.sum(AgentProfile.completed_delegations),
            func.sum(AgentProfile.failed_delegations),
        ).group_by(AgentProfile.agent_id)
    )
    return {agent_id: EndedWork(completed, failed) for agent_id, completed, failed in rows}
