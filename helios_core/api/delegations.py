"""Delegations: tasks from the PM to experts, with their attempts and where the time went."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from helios_core.api.access import Reader
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.resources import LARGEST_BIGINT, Id, Resource, Word
from helios_core.api.responses import AgentResponse
from helios_core.models import TaskDelegationStatus
from helios_core.views import delegations as views
from helios_core.views.delegations import DelegationFilter

router = APIRouter(prefix="/delegations", tags=["delegations"])


class Segment(Resource):
    """A stretch of time that went into one thing."""

    kind: str = Field(description="queue, load, prefill, decode, tool, idle or unknown.", examples=["decode"])
    started_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    ended_at: datetime = Field(examples=["2026-11-22T12:38:20Z"])


class Delegation(Resource):
    """One attempt at one task. Times that nobody recorded are null, and then there are no segments."""

    id: int = Field(examples=[31])
    conversation_id: int | None = Field(examples=[12])
    conversation_title: str | None = Field(examples=["Spot instances?"])
    pm_agent_id: str = Field(examples=["project_manager"])
    target_agent_id: str = Field(examples=["technical_expert"])
    task: str = Field(examples=["Assess what the move costs."])
    status: str = Field(
        description="pending, in_progress, completed, failed, cancelled or timeout.", examples=["completed"]
    )
    stuck: str | None = Field(description="Why it will probably not end by itself.")
    progress_percent: int | None = Field(description="0 to 100 %.", examples=[100])
    priority: int = Field(description="1 (last) to 10 (first).", examples=[5])
    position: int | None = Field(description="Its place in its conversation.", examples=[3])
    attempt: int = Field(examples=[1])
    retry_of: int | None = Field(description="The delegation that it tries again.", examples=[30])
    timeout_seconds: int | None = Field(description="s.", examples=[120])
    gpu_id: int | None = Field(examples=[1])
    error_message: str | None = Field(examples=["out of memory"])
    delegated_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    started_at: datetime | None = Field(examples=["2026-11-22T12:38:05Z"])
    completed_at: datetime | None = Field(examples=["2026-11-22T12:38:45Z"])
    created_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    duration_seconds: float | None = Field(description="s, from the delegation to its end, or until now.")
    segments: list[Segment]


class DelegationDetail(Resource):
    """Everything about one delegation."""

    delegation: Delegation
    directive: str | None = Field(examples=["@[Technical Expert] Assess what the move costs."])
    requirements: list[str] = Field(examples=[["cost_analysis"]])
    context: dict[str, Any]
    gpu_name: str | None = Field(examples=["RTX Titan X"])
    seconds: dict[str, float | None] = Field(
        description="Where the time of this attempt went, in s.", examples=[{"queue": 5, "decode": 20, "unknown": 15}]
    )
    attempts: list[Delegation] = Field(description="All attempts at the task, the first one first.")
    responses: list[AgentResponse]


@router.get("", response_model=Listing[Delegation])
def list_delegations(
    *,
    workspace: Reader,
    after: After,
    status: TaskDelegationStatus | None = None,
    agent_id: Word = None,
    conversation_id: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT)] = None,
    limit: Limit = 50,
) -> object:
    """The delegations that the user may see, the newest first."""
    which = DelegationFilter(status=status, agent_id=agent_id, conversation_id=conversation_id)
    return page_of(workspace.read(lambda session: views.list_delegations(session, which, after, limit)))


@router.get("/{delegation_id}", response_model=DelegationDetail)
def find_delegation(workspace: Reader, delegation_id: Id) -> object:
    """One delegation, with its attempts and what came back."""
    return workspace.read(lambda session: views.delegation(session, delegation_id))
