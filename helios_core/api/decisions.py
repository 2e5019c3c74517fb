"""Decisions: where each agent was put, or why nowhere, with the reasons as they were then."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from helios_core.api.access import Reader
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.resources import LARGEST_INTEGER, Id, Resource, Word
from helios_core.services.explanations import Explanation
from helios_core.views.decisions import DecisionFilter
from helios_core.views.decisions import find_decision as find
from helios_core.views.decisions import list_decisions as load

router = APIRouter(prefix="/decisions", tags=["decisions"])


class Decision(Resource):
    """One decision of placement."""

    id: int = Field(examples=[41])
    decided_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    actor: str | None = Field(description="null: Helios itself.", examples=["olga"])
    agent_id: str = Field(examples=["quality_assurance"])
    agent_name: str = Field(description="What people call it.", examples=["Quality Assurance"])
    owner: str | None = Field(description="null: the default of all users.", examples=["mira"])
    model_name: str | None = Field(examples=["mistral:7b"])
    outcome: str = Field(description="placed, moved, kept, released or refused.", examples=["moved"])
    cause: str = Field(description="asked, plan, undo or lease.", examples=["plan"])
    from_gpu_ids: list[int] = Field(description="Empty: it had no card.", examples=[[2]])
    to_gpu_ids: list[int] = Field(description="Empty: it has no card.", examples=[[0, 1]])
    memory_mib: int | None = Field(description="MiB.", examples=[2250])
    reason: str | None = Field(description="What somebody said why.", examples=["demo at one"])
    plan_id: int | None = Field(examples=[3])
    explanation: Explanation


@router.get("", response_model=Listing[Decision])
def list_decisions(
    *,
    workspace: Reader,
    after: After,
    agent_id: Word = None,
    gpu_id: Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER, description="From or to this card.")] = None,
    outcome: Annotated[Literal["placed", "moved", "kept", "released", "refused"] | None, Query()] = None,
    limit: Limit = 50,
) -> object:
    """The decisions that the user may see, the newest first."""
    which = DecisionFilter(agent_id=agent_id, gpu_id=gpu_id, outcome=outcome)
    return page_of(workspace.read(lambda session: load(session, which, after, limit)))


@router.get("/{decision_id}", response_model=Decision)
def find_decision(workspace: Reader, decision_id: Id) -> object:
    """One decision."""
    return workspace.read(lambda session: find(session, decision_id))
