"""Leases: memory of a card for as long as its holder says that it lives."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from helios_core.api.access import Writer
from helios_core.api.resources import LARGEST_INTEGER, ONE_LINE, Id, Resource
from helios_core.services import leases as services

router = APIRouter(prefix="/leases", tags=["leases"])

Holder = Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE, examples=["desk:4711"])]

AskingHolder = Annotated[
    str | None, Query(max_length=200, pattern=ONE_LINE, description="Who holds it.", examples=["desk:4711"])
]


class NewLease(BaseModel):
    """What is to be leased."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"agent_id": "experiment", "memory_mib": 4096, "holder": "desk:4711", "lease_seconds": 60}]
        },
    )

    agent_id: str = Field(min_length=1, max_length=63, pattern=ONE_LINE)
    memory_mib: int = Field(ge=1, le=LARGEST_INTEGER)
    holder: Holder
    lease_seconds: int = Field(ge=1, le=services.LONGEST_SECONDS)
    model_name: Annotated[str, Field(max_length=200, pattern=ONE_LINE)] | None = None
    gpu_id: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None


class Lease(Resource):
    """One lease; it ends at `expires_at` unless it is renewed before."""

    allocation_id: int = Field(examples=[7])
    agent_id: str = Field(examples=["experiment"])
    gpu_id: int = Field(examples=[1])
    memory_mib: int = Field(description="MiB.", examples=[4096])
    holder: str = Field(examples=["desk:4711"])
    lease_seconds: int = Field(examples=[60])
    expires_at: datetime = Field(examples=["2026-11-22T12:39:00Z"])


@router.post("", status_code=201, response_model=Lease)
def take_lease(workspace: Writer, response: Response, lease: NewLease) -> object:
    """Promise memory of a card, or of whichever is best."""
    taken = workspace.act(
        lambda session: services.take_lease(
            session,
            lease.agent_id,
            lease.memory_mib,
            lease.holder,
            lease.lease_seconds,
            model_name=lease.model_name,
            gpu_id=lease.gpu_id,
        )
    )
    response.headers["Location"] = f"leases/{taken.allocation_id}"
    return taken


@router.post("/{allocation_id}/renew", response_model=Lease)
def renew_lease(workspace: Writer, allocation_id: Id, holder: AskingHolder = None) -> object:
    """Say that the holder lives."""
    return workspace.act(lambda session: services.renew_lease(session, allocation_id, holder))


@router.delete("/{allocation_id}", status_code=204)
def end_lease(workspace: Writer, allocation_id: Id, holder: AskingHolder = None) -> None:
    """Give the memory back."""
    workspace.act(lambda session: services.end_lease(session, allocation_id, holder))
