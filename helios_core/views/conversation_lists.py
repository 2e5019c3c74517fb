"""The list of conversations: found by words and facets, newest first."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.orm import Session

from helios_core.models import (
    AgentParticipation,
    ConversationMessage,
    ConversationPhase,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.views.delegations import now
from helios_core.views.paging import Cursor, Page, older_than
from helios_core.views.participants import Participant, known_sum, named, participants_of

UNDER_WAY = "under_way"
STATES = (UNDER_WAY, "completed", "failed", "cancelled", "timeout")
SOURCES = ("live", "rehearsal", "import", "sample")
PHASES = tuple(phase.value for phase in ConversationPhase)

SEARCHED_CONVERSATIONS = 500
"""One search reads the words of so many conversations; the next page goes on with older ones."""
COUNTED_CONVERSATIONS = 1000
"""Facets count so many of the newest conversations, so that no page reads a table that grows without end."""
SEARCHED_WORDS = 8


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations to list; None is all. Every word of `words` has to occur in title, question or transcript."""

    words: str = ""
    source: str | None = None
    state: str | None = None
    agent_id: str | None = None
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation in the list; None is unknown."""

    id: int
    title: str
    source: str
    source_name: str | None
    current_phase: str
    outcome: str | None
    participants: tuple[Participant, ...]
    completed_delegations: int
    total_delegations: int
    tokens: int | None
    started_at: datetime | None
    created_at: datetime
    duration_seconds: float | None

    @property
    def state(self) -> str:
        """Its outcome, or that it is under way."""
        return self.outcome or UNDER_WAY


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the newest conversations have each value."""

    sources: Mapping[str, int]
    states: Mapping[str, int]
    phases: Mapping[str, int]
    agents: Mapping[str, int]
    names: Mapping[str, str]
    """What to call the agents."""
    counted: int

    @property
    def is_partial(self) -> bool:
        """Whether older conversations exist that are not counted."""
        return self.counted >= COUNTED_CONVERSATIONS


def list_conversations(
    session: Session, which: ConversationFilter, after: Cursor | None = None, limit: int = 50
) -> Page[ConversationRow]:
    """The newest conversations that match, in four queries. A search without hits can still have older pages."""
    candidates = _newest(which, after)
    words = which.words.split()[:SEARCHED_WORDS]
    if words:
        found = candidates.limit(SEARCHED_CONVERSATIONS).subquery()
        candidates = _ordered(
            select(MultiAgentConversation).where(MultiAgentConversation.id.in_(select(found.c.id)), *map(_holds, words))
        )
    rows = session.scalars(candidates.limit(limit)).all()
    if len(rows) == limit:
        older: Cursor | None = Cursor(rows[-1].created_at, rows[-1].id)
    else:
        older = _end_of_search(session, which, after) if words else None
    return Page(_rows(session, rows), older)


def facets(session: Session) -> Facets:
    """What there is to choose from, among the newest conversations."""
    newest = (
        select(
            MultiAgentConversation.id,
            MultiAgentConversation.source,
            func.coalesce(MultiAgentConversation.outcome, UNDER_WAY).label("state"),
            MultiAgentConversation.current_phase,
        )
        .order_by(MultiAgentConversation.created_at.desc())
        .limit(COUNTED_CONVERSATIONS)
    )
    rows = session.execute(newest).all()
    agents, names = _agents(session, [row.id for row in rows])
    return Facets(
        sources=Counter(row.source for row in rows),
        states=Counter(row.state for row in rows),
        phases=Counter(row.current_phase.value for row in rows if row.state == UNDER_WAY),
        agents=agents,
        names=names,
        counted=len(rows),
    )


def _newest(which: ConversationFilter, after: Cursor | None) -> Select[MultiAgentConversation]:
    older = older_than(after, MultiAgentConversation.created_at, MultiAgentConversation.id)
    return _ordered(select(MultiAgentConversation).where(older, *_facet_conditions(which)))


def _ordered(statement: Select[MultiAgentConversation]) -> Select[MultiAgentConversation]:
    return statement.order_by(MultiAgentConversation.created_at.desc(), MultiAgentConversation.id.desc())


def _facet_conditions(which: ConversationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.source is not None:
        conditions.append(MultiAgentConversation.source == which.source)
    if which.state == UNDER_WAY:
        conditions.append(MultiAgentConversation.outcome.is_(None))
    elif which.state is not None:
        conditions.append(MultiAgentConversation.outcome == which.state)
    if which.phase is not None:
        # What has ended is in no phase; and a phase alone, an enum, could use no index under row-level security.
        conditions.append(MultiAgentConversation.outcome.is_(None))
        conditions.append(MultiAgentConversation.current_phase == ConversationPhase(which.phase))
    if which.agent_id is not None:
        conditions.append(
            exists().where(
                AgentParticipation.conversation_id == MultiAgentConversation.id,
                AgentParticipation.agent_id == which.agent_id,
            )
        )
    return conditions


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a conversation's title, question or transcript has `word`, in any case."""
    said = exists().where(
        ConversationMessage.conversation_id == MultiAgentConversation.id,
        ConversationMessage.content.icontains(word, autoescape=True),
    )
    return or_(
        MultiAgentConversation.title.icontains(word, autoescape=True),
        MultiAgentConversation.question.icontains(word, autoescape=True),
        said,
    )


def _end_of_search(session: Session, which: ConversationFilter, after: Cursor | None) -> Cursor | None:
    """The last conversation that a search read; None where it read them all."""
    last = session.execute(
        _newest(which, after)
        .with_only_columns(MultiAgentConversation.created_at, MultiAgentConversation.id)
        .offset(SEARCHED_CONVERSATIONS - 1)
        .limit(1)
    ).one_or_none()
    return Cursor(last.created_at, last.id) if last else None


def _rows(session: Session, rows: Collection[MultiAgentConversation]) -> tuple[ConversationRow, ...]:
    ids = [row.id for row in rows]
    participants = participants_of(session, ids)
    delegations = _delegation_counts(session, ids)
    as_of = now(session)
    return tuple(_row(row, participants.get(row.id, ()), delegations.get(row.id, (0, 0)), as_of) for row in rows)


def _row(
    row: MultiAgentConversation, participants: tuple[Participant, ...], counts: tuple[int, int], as_of: datetime
) -> ConversationRow:
    completed, total = counts
    ended_at = as_of if row.outcome is None else row.ended_at
    return ConversationRow(
        id=row.id,
        title=row.title,
        source=row.source,
        source_name=row.source_name,
        current_phase=row.current_phase.value,
        outcome=row.outcome,
        participants=participants,
        completed_delegations=completed,
        total_delegations=total,
        tokens=known_sum([known_sum([agent.input_tokens, agent.output_tokens]) for agent in participants]),
        started_at=row.started_at,
        created_at=row.created_at,
        duration_seconds=(ended_at - row.started_at).total_seconds() if ended_at and row.started_at else None,
    )


def _delegation_counts(session: Session, conversation_ids: Collection[int]) -> dict[int | None, tuple[int, int]]:
    """By conversation: how many tasks are completed, of how many; a retry is another attempt at the same task."""
    if not conversation_ids:
        return {}
    is_completed = case((TaskDelegation.status == TaskDelegationStatus.COMPLETED, 1))
    is_task = case((TaskDelegation.retry_of.is_(None), 1))
    rows = session.execute(
        select(TaskDelegation.conversation_id, func.count(is_completed), func.count(is_task))
        .where(TaskDelegation.conversation_id.in_(conversation_ids))
        .group_by(TaskDelegation.conversation_id)
    )
    return {conversation_id: (completed, total) for conversation_id, completed, total in rows}


def _agents(session: Session, conversation_ids: Collection[int]) -> tuple[dict[str, int], dict[str, str]]:
    """In how many of these conversations each agent takes part, the busiest first, and what to call them."""
    agent_id = AgentParticipation.agent_id
    rows = session.execute(
        select(agent_id, func.count(), func.max(AgentParticipation.display_name))
        .where(AgentParticipation.conversation_id.in_(conversation_ids))
        .group_by(agent_id)
        .order_by(func.count().desc(), agent_id)
    ).all()
    return {agent: count for agent, count, _ in rows}, {agent: named(agent, name) for agent, _, name in rows}
