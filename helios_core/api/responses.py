"""Responses: what experts answered to delegations."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from helios_core.api.access import Reader
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.resources import LARGEST_BIGINT, Id, Resource
from helios_core.views import responses as views

router = APIRouter(prefix="/responses", tags=["responses"])


class AgentResponse(Resource):
    """One answer to one delegation; times, tokens and scores that nobody recorded are null."""

    id: int = Field(examples=[51])
    delegation_id: int = Field(examples=[31])
    conversation_id: int | None = Field(examples=[12])
    agent_id: str = Field(examples=["technical_expert"])
    content: str = Field(examples=["Cheaper by 61 %."])
    structured: dict[str, Any] = Field(examples=[{"saving_percent": 61}])
    model_name: str | None = Field(examples=["qwen2.5:14b"])
    model_provider: str | None = Field(examples=["ollama"])
    confidence_score: float | None = Field(description="0 to 1.", examples=[0.7])
    quality_score: float | None = Field(description="0 to 1.", examples=[0.8])
    input_tokens: int | None = Field(examples=[1840])
    output_tokens: int | None = Field(examples=[612])
    response_seconds: float | None = Field(description="s.", examples=[41.5])
    measured: dict[str, float | None] = Field(
        description="Seconds of queue, load, prefill, decode and tool.",
        examples=[{"queue": 0, "load": 10, "prefill": 5, "decode": 20, "tool": None}],
    )
    started_at: datetime | None = Field(examples=["2026-11-22T12:38:05Z"])
    completed_at: datetime | None = Field(examples=["2026-11-22T12:38:45Z"])


@router.get("", response_model=Listing[AgentResponse])
def list_responses(
    workspace: Reader,
    after: After,
    conversation_id: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT)] = None,
    delegation_id: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT)] = None,
    limit: Limit = 50,
) -> object:
    """The responses that the user may see, the newest first."""
    return page_of(
        workspace.read(
            lambda session: views.list_responses(
                session, conversation_id=conversation_id, delegation_id=delegation_id, after=after, limit=limit
            )
        )
    )


@router.get("/{response_id}", response_model=AgentResponse)
def find_response(workspace: Reader, response_id: Id) -> object:
    """One response."""
    return workspace.read(lambda session: views.find_response(session, response_id))
