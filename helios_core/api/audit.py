"""The audit: who changed what, when and why. Operators read it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from helios_core.api.access import Admin
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.resources import LARGEST_BIGINT, Moment, Resource, Word
from helios_core.errors import NotAllowed
from helios_core.services.workspace import Workspace
from helios_core.views.audit import AuditFilter
from helios_core.views.audit import list_changes as load

router = APIRouter(prefix="/audit", tags=["audit"])


class Change(Resource):
    """One change of one row; of both sides only what differs is kept, and no secret."""

    id: int = Field(examples=[105])
    occurred_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    actor: str = Field(description="Who changed it; Helios where nobody asked for it.", examples=["olga"])
    owner: str | None = Field(description="Whose it is; null where it is everybody's.", examples=["mira"])
    action: str = Field(examples=["changed"])
    subject: str = Field(description="The table of what was changed.", examples=["load_balancing_rules"])
    subject_id: str = Field(examples=["2"])
    reason: str | None = Field(examples=["too hot in summer"])
    before: dict[str, Any] | None = Field(description="null: it is new.", examples=[{"priority": 5}])
    after: dict[str, Any] | None = Field(description="null: it is gone.", examples=[{"priority": 7}])


@router.get("", response_model=Listing[Change])
def list_changes(
    *,
    workspace: Admin,
    after: After,
    subject: Word = None,
    subject_id: Word = None,
    actor_id: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT)] = None,
    since: Moment | None = None,
    until: Annotated[Moment | None, Query(description="Not included.")] = None,
    limit: Limit = 50,
) -> object:
    """The changes, the newest first; operators may."""
    require_operator(workspace)
    which = AuditFilter(subject, subject_id, actor_id, since, until)
    return page_of(workspace.read(lambda session: load(session, which, after, limit)))


def require_operator(workspace: Workspace) -> None:
    """Raise NotAllowed for whoever does not see other users' rows."""
    if not workspace.principal.sees_all:
        message = "Only operators may look at this; ask one."
        raise NotAllowed(message)
