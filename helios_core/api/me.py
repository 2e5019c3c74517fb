"""Me: whose key it is, and what it opens."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from helios_core.api.access import Holder, Reader
from helios_core.api.resources import Resource
from helios_core.services.keys import Scope

router = APIRouter(prefix="/me", tags=["me"])


class Me(Resource):
    """Whom a key lets in, and how far."""

    user_id: int = Field(examples=[3])
    username: str = Field(examples=["mira"])
    role: str = Field(description="admin, operator, user or viewer.", examples=["user"])
    key_id: str = Field(examples=["x7Kd02Qa"])
    key_name: str = Field(examples=["nightly export"])
    scopes: list[str] = Field(description="read, write, admin: each opens what the ones before do.")
    expires_at: datetime | None = Field(examples=["2027-02-20T12:38:00Z"])


@router.get("", response_model=Me)
def me(_workspace: Reader, holder: Holder) -> object:
    """Who the key says you are."""
    return {
        "user_id": holder.principal.user_id,
        "username": holder.username,
        "role": holder.principal.role,
        "key_id": holder.key_id,
        "key_name": holder.name,
        "scopes": [scope for scope in Scope if scope in holder.scopes],
        "expires_at": holder.expires_at,
    }
