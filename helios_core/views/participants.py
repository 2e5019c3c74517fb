"""Who took part in a conversation, and what to call them."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.models import AgentParticipation


@dataclass(frozen=True, slots=True)
class Participant:
    """What one agent contributed to one conversation; what was not measured is None."""

    agent_id: str
    name: str
    role: str
    model_name: str | None
    turns: int
    input_tokens: int | None
    output_tokens: int | None
    first_response_seconds: float | None
    average_response_seconds: float | None
    quality_score: float | None
    satisfaction_rating: float | None
    contribution_percent: float | None
    joined_at: datetime | None
    left_at: datetime | None


def participants_of(session: Session, conversation_ids: Collection[int]) -> Mapping[int, tuple[Participant, ...]]:
    """The participants of each of these conversations, in the order in which they joined."""
    if not conversation_ids:
        return {}
    rows = session.scalars(
        select(AgentParticipation)
        .where(AgentParticipation.conversation_id.in_(conversation_ids))
        .order_by(AgentParticipation.conversation_id, AgentParticipation.id)
    )
    found: dict[int, list[Participant]] = defaultdict(list)
    for row in rows:
        found[row.conversation_id].append(_participant(row))
    return {conversation_id: tuple(participants) for conversation_id, participants in found.items()}


def named(agent_id: str, display_name: str | None = None) -> str:
    """What to call an agent: the name it took part under, else its id as words."""
    return display_name or (agent_id.replace("_", " ").title() if agent_id.islower() else agent_id)


def known_sum(values: Collection[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _participant(row: AgentParticipation) -> Participant:
    return Participant(
        agent_id=row.agent_id,
        name=named(row.agent_id, row.display_name),
        role=row.role,
        model_name=row.model_name,
        turns=row.turns,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        first_response_seconds=row.first_response_seconds,
        average_response_seconds=row.average_response_seconds,
        quality_score=row.quality_score,
        satisfaction_rating=row.satisfaction_rating,
        contribution_percent=row.contribution_percent,
        joined_at=row.joined_at,
        left_at=row.left_at,
    )
