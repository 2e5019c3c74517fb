"""Conversations as their list and their own page show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import AgentResponse, ConversationPhaseSpan, MultiAgentConversation
from helios_core.views import transcripts
from helios_core.views.delegations import Delegation, now, of_conversation
from helios_core.views.participants import Participant, known_sum, participants_of
from helios_core.views.responses import Response, responses_of
from helios_core.views.segments import SegmentKind, time_spent
from helios_core.views.syntheses import Claim, Synthesis, claims_drawn, claims_of, syntheses_of
from helios_core.views.transcripts import MessageMark


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """One stay in one phase; `label` is what the source calls it."""

    position: int
    phase: str
    label: str | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """A conversation in six numbers; None is unknown."""

    agreement: float | None
    effective_votes: float | None
    expert_count: int
    """Participants that answered."""
    shared_model_count: int
    """Answering participants whose model another one of them uses as well; they are no independent votes."""
    satisfaction_rating: float | None
    """From 1 to 5, by a person."""
    quality: float | None
    """The mean of the responses' scores, from 0 to 1."""
    scored_response_count: int
    duration_seconds: float | None
    seconds: Mapping[SegmentKind, float]
    """Where the time of all delegations together went."""
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that a conversation spans; without times, only the order of its messages is known."""

    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything about one conversation but the words of its transcript."""

    id: int
    title: str
    question: str | None
    source: str
    source_name: str | None
    current_phase: str
    outcome: str | None
    outcome_reason: str | None
    pm_agent_id: str | None
    attributes: Mapping[str, Any]
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    clock: Clock | None
    figures: Figures
    phases: tuple[PhaseSpan, ...]
    participants: tuple[Participant, ...]
    delegations: tuple[Delegation, ...]
    responses: tuple[Response, ...]
    syntheses: tuple[Synthesis, ...]
    claims: tuple[Claim, ...]
    """What the experts took a stance on; nothing where no stances were recorded."""
    marks: tuple[MessageMark, ...]
    as_of: datetime

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.outcome is None


def conversation(session: Session, conversation_id: int) -> Conversation:
    """One conversation, in a fixed number of queries."""
    row = session.scalar(select(MultiAgentConversation).where(MultiAgentConversation.id == conversation_id))
    if row is None:
        message = f"There is no conversation {conversation_id}."
        raise NotFound(message)
    as_of = now(session)
    phases = _phases(session, row.id)
    participants = participants_of(session, [row.id]).get(row.id, ())
    delegations = of_conversation(session, row.id, as_of)
    responses = responses_of(session, AgentResponse.conversation_id == row.id)
    syntheses = syntheses_of(session, row.id)
    marks = transcripts.marks(session, row.id)
    stored: Any = row.attributes
    attributes = stored if isinstance(stored, dict) else {}
    clock = _clock(row, phases, delegations, marks, as_of)
    return Conversation(
        id=row.id,
        title=row.title,
        question=row.question,
        source=row.source,
        source_name=row.source_name,
        current_phase=row.current_phase.value,
        outcome=row.outcome,
        outcome_reason=row.outcome_reason,
        pm_agent_id=row.pm_agent_id,
        attributes=attributes,
        started_at=row.started_at,
        ended_at=row.ended_at,
        created_at=row.created_at,
        clock=clock,
        figures=_figures(
            row,
            participants=participants,
            delegations=delegations,
            responses=responses,
            syntheses=syntheses,
            clock=clock,
        ),
        phases=phases,
        participants=participants,
        delegations=delegations,
        responses=responses,
        syntheses=syntheses,
        claims=_claims(session, attributes, syntheses),
        marks=marks,
        as_of=as_of,
    )


def _claims(session: Session, attributes: Mapping[str, Any], syntheses: tuple[Synthesis, ...]) -> tuple[Claim, ...]:
    """What was drawn for the last synthesis, else what the source recorded, else what the synthesis calls disputed."""
    if not syntheses:
        return claims_of(attributes.get("claims"))
    last = syntheses[-1]
    return claims_drawn(session, last.id) or claims_of(attributes.get("claims")) or last.conflicts


def require_conversation(session: Session, conversation_id: int) -> None:
    """Raise NotFound where the reader sees no such conversation."""
    known = select(MultiAgentConversation.id).where(MultiAgentConversation.id == conversation_id)
    if session.scalar(known) is None:
        message = f"There is no conversation {conversation_id}."
        raise NotFound(message)


def _phases(session: Session, conversation_id: int) -> tuple[PhaseSpan, ...]:
    rows = session.scalars(
        select(ConversationPhaseSpan)
        .where(ConversationPhaseSpan.conversation_id == conversation_id)
        .order_by(ConversationPhaseSpan.position)
    )
    return tuple(PhaseSpan(row.position, row.phase.value, row.label, row.started_at, row.ended_at) for row in rows)


def _clock(
    row: MultiAgentConversation,
    phases: tuple[PhaseSpan, ...],
    delegations: tuple[Delegation, ...],
    marks: tuple[MessageMark, ...],
    as_of: datetime,
) -> Clock | None:
    """From the first time that anybody recorded to the last one, or until now while it is under way."""
    recorded = chain(
        (row.started_at, row.ended_at),
        chain.from_iterable((phase.started_at, phase.ended_at) for phase in phases),
        chain.from_iterable((task.delegated_at, task.started_at, task.completed_at) for task in delegations),
        (mark.occurred_at for mark in marks),
    )
    times = [at for at in recorded if at is not None]
    if times and row.outcome is None:
        times.append(as_of)
    return Clock(min(times), max(times)) if times and min(times) < max(times) else None


def _figures(
    row: MultiAgentConversation,
    *,
    participants: tuple[Participant, ...],
    delegations: tuple[Delegation, ...],
    responses: tuple[Response, ...],
    syntheses: tuple[Synthesis, ...],
    clock: Clock | None,
) -> Figures:
    last = syntheses[-1] if syntheses else None
    scores = [response.quality_score for response in responses if response.quality_score is not None]
    answering = {response.agent_id: response.model_name for response in responses}
    models = [model for model in answering.values() if model is not None]
    agreement = row.consensus_score
    return Figures(
        agreement=last.consensus_score if agreement is None and last else agreement,
        effective_votes=last.effective_votes if last else None,
        expert_count=len(answering),
        shared_model_count=sum(models.count(model) > 1 for model in models),
        satisfaction_rating=row.satisfaction_rating,
        quality=sum(scores) / len(scores) if scores else None,
        scored_response_count=len(scores),
        duration_seconds=(clock.ended_at - clock.started_at).total_seconds() if clock else None,
        seconds=time_spent(chain.from_iterable(task.segments for task in delegations)),
        input_tokens=known_sum([participant.input_tokens for participant in participants]),
        output_tokens=known_sum([participant.output_tokens for participant in participants]),
    )
