"""What experts answered, and the seconds that their answers took."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import AgentResponse
from helios_core.views.paging import Cursor, Page
from helios_core.views.segments import Measured, SegmentKind


@dataclass(frozen=True, slots=True)
class Response:
    """One answer to one delegation; times, tokens and scores that nobody recorded are None."""

    id: int
    delegation_id: int
    conversation_id: int | None
    agent_id: str
    content: str
    structured: Mapping[str, Any]
    model_name: str | None
    model_provider: str | None
    confidence_score: float | None
    quality_score: float | None
    input_tokens: int | None
    output_tokens: int | None
    response_seconds: float | None
    measured: Measured
    started_at: datetime | None
    completed_at: datetime | None


def responses_of(session: Session, condition: ColumnElement[bool]) -> tuple[Response, ...]:
    """The responses that meet `condition`, in their order."""
    order = (AgentResponse.position.nulls_last(), AgentResponse.id)
    return tuple(map(_response, session.scalars(select(AgentResponse).where(condition).order_by(*order))))


def list_responses(
    session: Session,
    *,
    conversation_id: int | None = None,
    delegation_id: int | None = None,
    after: Cursor | None = None,
    limit: int = 100,
) -> Page[Response]:
    """The newest responses, of one conversation or delegation where one is named."""
    conditions: list[ColumnElement[bool]] = []
    if conversation_id is not None:
        conditions.append(AgentResponse.conversation_id == conversation_id)
    if delegation_id is not None:
        conditions.append(AgentResponse.delegation_id == delegation_id)
    if after is not None:
        conditions.append(AgentResponse.id < after.id)
    # By id, which rises with time: a member's are indexed by it, and not by when they were stored.
    rows = session.scalars(
        select(AgentResponse).where(*conditions).order_by(AgentResponse.id.desc()).limit(limit)
    ).all()
    older = Cursor(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None
    return Page(tuple(map(_response, rows)), older)


def find_response(session: Session, response_id: int) -> Response:
    """One response, or NotFound."""
    row = session.scalar(select(AgentResponse).where(AgentResponse.id == response_id))
    if row is None:
        message = f"There is no response {response_id}."
        raise NotFound(message)
    return _response(row)


def measured_seconds(session: Session, delegation_ids: Collection[int]) -> dict[int, Measured]:
    """By delegation: the seconds of each kind that its last response recorded."""
    if not delegation_ids:
        return {}
    rows = session.execute(
        select(
            AgentResponse.delegation_id,
            AgentResponse.queue_seconds,
            AgentResponse.load_seconds,
            AgentResponse.prefill_seconds,
            AgentResponse.decode_seconds,
            AgentResponse.tool_seconds,
        )
        .where(AgentResponse.delegation_id.in_(delegation_ids))
        .order_by(AgentResponse.id)
    )
    return {delegation_id: _measured(*seconds) for delegation_id, *seconds in rows}


def _measured(
    queue: float | None, load: float | None, prefill: float | None, decode: float | None, tool: float | None
) -> dict[SegmentKind, float | None]:
    return {"queue": queue, "load": load, "prefill": prefill, "decode": decode, "tool": tool}


def _response(row: AgentResponse) -> Response:
    return Response(
        id=row.id,
        delegation_id=row.delegation_id,
        conversation_id=row.conversation_id,
        agent_id=row.agent_id,
        content=row.content,
        structured=row.structured,
        model_name=row.model_name,
        model_provider=row.model_provider.value if row.model_provider else None,
        confidence_score=row.confidence_score,
        quality_score=row.quality_score,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        response_seconds=row.response_seconds,
        measured=_measured(
            row.queue_seconds, row.load_seconds, row.prefill_seconds, row.decode_seconds, row.tool_seconds
        ),
        started_at=row.started_at,
        completed_at=row.completed_at,
    )
