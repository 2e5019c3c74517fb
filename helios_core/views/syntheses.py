"""What was made of the responses: who gave what to it, where the experts disagreed, and who stayed alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import ClaimStance, SynthesisClaim, TaskSynthesis
from helios_core.views.paging import Cursor, Page, older_than


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one response gave to the synthesis; no weight where none was measured."""

    agent_id: str
    response_id: int | None
    weight: float | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the answer rests on, and how each expert who spoke to it stands: for, against or qualified."""

    text: str
    stances: Mapping[str, str]
    quotes: Mapping[str, str] = field(default_factory=dict)
    """The experts' own words for their stances, where these were kept."""
    drawn_by: str | None = None
    """The model that drew the claim from the responses, and by which prompt."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One synthesis; scores that nobody gave are None."""

    id: int
    conversation_id: int | None
    synthesizer_agent_id: str
    content: str
    contributions: tuple[Contribution, ...]
    conflicts: tuple[Claim, ...]
    """Claims on which the experts did not agree."""
    minority_report: str | None
    consensus_score: float | None
    quality_score: float | None
    effective_votes: float | None
    position: int | None
    created_at: datetime


def syntheses_of(session: Session, conversation_id: int) -> tuple[Synthesis, ...]:
    """A conversation's syntheses in their order; a review can send one back."""
    order = (TaskSynthesis.position.nulls_last(), TaskSynthesis.id)
    rows = session.scalars(
        select(TaskSynthesis).where(TaskSynthesis.conversation_id == conversation_id).order_by(*order)
    )
    return tuple(map(_synthesis, rows))


def list_syntheses(
    session: Session, conversation_id: int | None = None, after: Cursor | None = None, limit: int = 100
) -> Page[Synthesis]:
    """The newest syntheses, of one conversation where one is named."""
    statement = select(TaskSynthesis).where(older_than(after, TaskSynthesis.created_at, TaskSynthesis.id))
    if conversation_id is not None:
        statement = statement.where(TaskSynthesis.conversation_id == conversation_id)
    order = (TaskSynthesis.created_at.desc(), TaskSynthesis.id.desc())
    rows = tuple(map(_synthesis, session.scalars(statement.order_by(*order).limit(limit))))
    return Page(rows, Cursor(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None)


def find_synthesis(session: Session, synthesis_id: int) -> Synthesis:
    """One synthesis, or NotFound."""
    row = session.scalar(select(TaskSynthesis).where(TaskSynthesis.id == synthesis_id))
    if row is None:
        message = f"There is no synthesis {synthesis_id}."
        raise NotFound(message)
    return _synthesis(row)


def claims_drawn(session: Session, synthesis_id: int) -> tuple[Claim, ...]:
    """The claims that were drawn for a synthesis, in their order, with the experts' words."""
    claims = session.scalars(
        select(SynthesisClaim).where(SynthesisClaim.synthesis_id == synthesis_id).order_by(SynthesisClaim.position)
    ).all()
    stances = session.scalars(
        select(ClaimStance)
        .where(ClaimStance.claim_id.in_([claim.id for claim in claims]))
        .order_by(ClaimStance.response_id, ClaimStance.agent_id)
    ).all()
    return tuple(_claim(claim, [one for one in stances if one.claim_id == claim.id]) for claim in claims)


def claims_of(parts: Any) -> tuple[Claim, ...]:  # noqa: ANN401 - whatever JSON a source has stored
    """The claims in `[{"claim": "…", "stances": {"agent": "for"}}]`; what has another shape is left out."""
    return tuple(
        Claim(part["claim"], {str(agent): str(stance) for agent, stance in part["stances"].items()})
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("claim"), str) and isinstance(part.get("stances"), dict)
    )


def contributions_of(parts: Sequence[Any]) -> tuple[Contribution, ...]:
    """The contributions in `[{"response_id": 7, "agent_id": "…", "weight": 0.4}]`; others are left out."""
    return tuple(
        Contribution(part["agent_id"], part.get("response_id"), _number(part.get("weight")))
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("agent_id"), str)
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _claim(row: SynthesisClaim, stances: Sequence[ClaimStance]) -> Claim:
    return Claim(
        text=row.content,
        stances={stance.agent_id: stance.stance for stance in stances},
        quotes={stance.agent_id: stance.quote for stance in stances if stance.quote},
        drawn_by=" · ".join(filter(None, (row.model_name, row.prompt_version))) or None,
    )


def _synthesis(row: TaskSynthesis) -> Synthesis:
    return Synthesis(
        id=row.id,
        conversation_id=row.conversation_id,
        synthesizer_agent_id=row.synthesizer_agent_id,
        content=row.content,
        contributions=contributions_of(row.contributions),
        conflicts=claims_of(row.conflicts),
        minority_report=row.minority_report,
        consensus_score=row.consensus_score,
        quality_score=row.quality_score,
        effective_votes=row.effective_votes,
        position=row.position,
        created_at=row.created_at,
    )
