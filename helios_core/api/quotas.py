"""Quotas: how much memory of all cards together a user's agents may be promised."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from helios_core.api.access import Reader, Writer
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import LARGEST_BIGINT, LARGEST_INTEGER, Reason, Resource
from helios_core.services import quotas as services
from helios_core.views.quotas import list_quotas as load

router = APIRouter(prefix="/quotas", tags=["quotas"])

UserId = Annotated[
    int | None, Query(ge=1, le=LARGEST_BIGINT, description="Left out: everybody without a quota of their own.")
]


class NewQuota(BaseModel):
    """How much."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"max_memory_mib": 16384}]})

    max_memory_mib: int = Field(ge=0, le=LARGEST_INTEGER)


class Quota(Resource):
    """One quota; that of nobody is for all who have none of their own."""

    user_id: int | None = Field(examples=[3])
    username: str | None = Field(examples=["mira"])
    max_memory_mib: int = Field(description="MiB.", examples=[16384])
    updated_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])


@router.get("", response_model=Listing[Quota])
def list_quotas(workspace: Reader) -> object:
    """The quotas that the user may see."""
    return all_of(workspace.read(load))


@router.put("", status_code=204)
def set_quota(workspace: Writer, quota: NewQuota, user_id: UserId = None, reason: Reason = None) -> None:
    """Let a user's agents hold so much at most; operators may."""
    workspace.act(lambda session: services.set_quota(session, user_id, quota.max_memory_mib, reason))


@router.delete("", status_code=204)
def remove_quota(workspace: Writer, user_id: UserId = None, reason: Reason = None) -> None:
    """Let everybody's quota hold for a user again; operators may."""
    workspace.act(lambda session: services.remove_quota(session, user_id, reason))
