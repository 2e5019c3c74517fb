"""Placement: what is where, what if it were elsewhere, and how many more agents fit."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from helios_core.api.access import Reader, Writer
from helios_core.api.resources import LARGEST_INTEGER, AgentId, Reason, Resource
from helios_core.services import placement as services
from helios_core.services.drafting import DraftedNewcomer, DraftFile, GpuNumber, draft_of, newcomer_of
from helios_core.services.explanations import Explanation
from helios_core.services.trials import how_many, what_if
from helios_core.services.whatif import Capacity, WhatIf
from helios_core.views.placement import PlacementMap, placement_map

router = APIRouter(prefix="/placement", tags=["placement"])

DRAFT = {
    "agents": [{"agent": "quality_assurance", "gpu": 0}],
    "newcomers": [{"model": "llama3.1:8b", "context_tokens": 8192, "count": 2}],
    "without_gpus": [2],
}


class Where(BaseModel):
    """The card that an agent shall be on, or exactly these cards; left out: where it costs others least."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"gpu_id": 0}]})

    gpu_id: int | None = Field(default=None, ge=0, le=LARGEST_INTEGER)
    gpu_ids: list[GpuNumber] = Field(default=[], max_length=64, description="In the place of `gpu_id`, several.")

    @property
    def cards(self) -> tuple[int, ...]:
        """The cards that are asked for."""
        return tuple(sorted({*self.gpu_ids, *([] if self.gpu_id is None else [self.gpu_id])}))


class Decided(Resource):
    """What was decided of an agent, and why."""

    decision_id: int = Field(examples=[41])
    agent_id: str = Field(examples=["quality_assurance"])
    agent_name: str = Field(description="What people call it.", examples=["Quality Assurance"])
    outcome: str = Field(description="placed, moved, kept, released or refused.", examples=["moved"])
    from_gpu_ids: list[int] = Field(description="Empty: it had no card.", examples=[[2]])
    gpu_ids: list[int] = Field(description="Empty: it has no card.", examples=[[0, 1]])
    memory_mib: int | None = Field(description="MiB.", examples=[2250])
    explanation: Explanation


@router.get("", response_model=PlacementMap)
def show_map(workspace: Reader) -> object:
    """Every card with who is on it, promised against measured, and who waits."""
    return workspace.read(placement_map)


@router.post("/what-if", response_model=WhatIf)
def try_draft(workspace: Reader, draft: Annotated[DraftFile, Field(examples=[DRAFT])]) -> object:
    """What a draft comes to: who moves, who makes room, what each card has left. Nothing is written."""
    return workspace.read(lambda session: what_if(session, draft_of(session, draft.model_dump())))


@router.post("/capacity", response_model=Capacity)
def count_room(
    workspace: Reader, kind: Annotated[DraftedNewcomer, Field(examples=[{"model": "llama3.1:8b"}])]
) -> object:
    """How many more agents of this kind fit, and what the next one lacks; `count` is not looked at."""
    return workspace.read(lambda session: how_many(session, newcomer_of(kind)))


@router.post("/agents/{agent_id}", response_model=Decided)
def place_agent(workspace: Writer, agent_id: AgentId, where: Where, reason: Reason = None) -> object:
    """Put an agent on a card, or where it costs least; a refusal is a decision, too, with its reasons."""
    return workspace.act(lambda session: services.place(session, agent_id, where.cards, reason))


@router.delete("/agents/{agent_id}", response_model=Decided)
def release_agent(workspace: Writer, agent_id: AgentId, reason: Reason = None) -> object:
    """Take an agent off its card."""
    return workspace.act(lambda session: services.release(session, agent_id, reason))
