"""Plans: moves of agents that are made, and undone, together. Operators make them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from helios_core.api.access import Reader, Writer
from helios_core.api.paging import Limit, Listing, all_of
from helios_core.api.resources import NO_ZERO_CHARACTER, Id, Reason, Resource
from helios_core.services import plans as services
from helios_core.services.drafting import DraftedAgent, DraftedNewcomer, GpuNumber, draft_of
from helios_core.services.explanations import Explanation
from helios_core.services.workspace import Workspace
from helios_core.views import plans as views

router = APIRouter(prefix="/plans", tags=["plans"])


class NewPlan(BaseModel):
    """Who shall be where, who shall join the team, and what that is called."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"title": "cool GPU 2", "agents": [{"agent": "data_analyst", "gpu": 0}]}]},
    )

    title: Annotated[str, Field(max_length=services.TITLE_MAX_CHARACTERS, pattern=NO_ZERO_CHARACTER)] = ""
    agents: list[DraftedAgent] = Field(default=[], max_length=1000)
    newcomers: list[DraftedNewcomer] = Field(default=[], max_length=100)
    without_gpus: list[GpuNumber] = Field(default=[], max_length=1000, description="Whoever is on them leaves.")
    may_evict: bool = Field(default=False, description="Whether less important agents may lose their card.")


class PlanMove(Resource):
    """One agent's way. Without a card before or after, it had none, or gets none."""

    configuration_id: int | None = Field(examples=[7])
    agent_id: str = Field(examples=["data_analyst"])
    agent_name: str = Field(description="What people call it.", examples=["Data Analyst"])
    owner: str | None = Field(description="null: the default of all users.", examples=["mira"])
    from_gpu_ids: list[int] = Field(description="Empty: it had no card.", examples=[[2]])
    to_gpu_ids: list[int] = Field(description="Empty: it gets no card.", examples=[[0, 1]])
    memory_mib: int | None = Field(description="MiB.", examples=[2250])
    explanation: Explanation
    is_new: bool = Field(description="Whether the plan adds the agent.", examples=[False])


class Plan(Resource):
    """One plan, with the moves that the user may see."""

    id: int = Field(examples=[3])
    status: str = Field(description="draft, applied, undone or discarded.", examples=["draft"])
    cause: str = Field(description="person, or balancing: Helios itself proposes it.", examples=["person"])
    title: str = Field(examples=["cool GPU 2"])
    reasons: list[str] = Field(examples=[["90 °C; 83 °C is too hot here."]])
    created_by: str | None = Field(examples=["olga"])
    created_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    applied_at: datetime | None = Field(examples=["2026-11-22T12:39:00Z"])
    undone_at: datetime | None = Field(examples=["2026-11-22T12:44:00Z"])
    moves: list[PlanMove]


@router.get("", response_model=Listing[Plan])
def list_plans(
    workspace: Reader,
    status: Annotated[Literal["draft", "applied", "undone", "discarded"] | None, Query()] = None,
    limit: Limit = 50,
) -> object:
    """The newest plans, of this status or of all."""
    return all_of(workspace.read(lambda session: views.list_plans(session, status, limit)))


@router.post("", status_code=201, response_model=Plan)
def draft_plan(workspace: Writer, response: Response, plan: NewPlan) -> object:
    """Keep a draft that somebody may apply; operators may."""

    def save(session: Session) -> views.Plan:
        draft = draft_of(session, plan.model_dump(exclude={"title"}))
        return views.find_plan(session, services.draft_plan(session, draft, plan.title))

    saved = workspace.act(save)
    response.headers["Location"] = f"plans/{saved.id}"
    return saved


@router.get("/{plan_id}", response_model=Plan)
def find_plan(workspace: Reader, plan_id: Id) -> object:
    """One plan."""
    return workspace.read(lambda session: views.find_plan(session, plan_id))


@router.post("/{plan_id}/apply", response_model=Plan)
def apply_plan(workspace: Writer, plan_id: Id, reason: Reason = None) -> object:
    """Make all moves of a draft, or none where something changed since; operators may."""
    return _changed(workspace, plan_id, reason, services.apply_plan)


@router.post("/{plan_id}/undo", response_model=Plan)
def undo_plan(workspace: Writer, plan_id: Id, reason: Reason = None) -> object:
    """Put everybody back, or nobody where something changed since; operators may."""
    return _changed(workspace, plan_id, reason, services.undo_plan)


@router.post("/{plan_id}/discard", response_model=Plan)
def discard_plan(workspace: Writer, plan_id: Id, reason: Reason = None) -> object:
    """Let a draft be; operators may."""
    return _changed(workspace, plan_id, reason, services.discard_plan)


def _changed(
    workspace: Workspace, plan_id: int, reason: str | None, change: Callable[[Session, int, str | None], object]
) -> views.Plan:
    """Change a plan, and read what became of it in the same transaction."""

    def act(session: Session) -> views.Plan:
        change(session, plan_id, reason)
        return views.find_plan(session, plan_id)

    return workspace.act(act)
