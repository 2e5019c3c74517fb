"""Allocations: which agent is, or was, promised how much memory of which card."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from helios_core.api.access import Reader
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.resources import LARGEST_INTEGER, Id, Resource, Word
from helios_core.views.allocations import AllocationFilter
from helios_core.views.allocations import find_allocation as find
from helios_core.views.allocations import list_allocations as load

router = APIRouter(prefix="/allocations", tags=["allocations"])


class Allocation(Resource):
    """One promise of a card to an agent; it ends when the agent moves or is switched off."""

    id: int = Field(examples=[7])
    gpu_id: int = Field(examples=[1])
    agent_id: str = Field(examples=["technical_expert"])
    model_name: str | None = Field(examples=["qwen2.5:14b"])
    status: str = Field(description="active, idle, overloaded, error or maintenance.", examples=["active"])
    allocated_mib: int = Field(description="MiB.", examples=[9000])
    measured_mib: int | None = Field(description="MiB; null where it was not measured.", examples=[8712])
    compute_percent: float | None = Field(description="0 to 100 %.", examples=[50])
    is_of_default: bool = Field(description="Whether it is for the default configuration, of all users.")
    allocated_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    released_at: datetime | None = Field(description="null while it holds.", examples=["2026-11-22T14:00:00Z"])
    release_reason: str | None = Field(examples=["moved"])


@router.get("", response_model=Listing[Allocation])
def list_allocations(
    *,
    workspace: Reader,
    after: After,
    gpu_id: Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER)] = None,
    agent_id: Word = None,
    is_live: Annotated[bool | None, Query(description="Whether it still holds.")] = None,
    limit: Limit = 50,
) -> object:
    """The allocations that the user may see, the newest first."""
    which = AllocationFilter(gpu_id=gpu_id, agent_id=agent_id, is_live=is_live)
    return page_of(workspace.read(lambda session: load(session, which, after, limit)))


@router.get("/{allocation_id}", response_model=Allocation)
def find_allocation(workspace: Reader, allocation_id: Id) -> object:
    """One allocation."""
    return workspace.read(lambda session: find(session, allocation_id))
