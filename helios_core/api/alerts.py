"""Alerts: what needed somebody, and who has seen it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from helios_core.api.access import Reader, Writer
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import NO_ZERO_CHARACTER, Moment, Resource
from helios_core.services.alerts import NOTE_MAX_CHARACTERS, acknowledge_alert, withdraw_acknowledgement
from helios_core.views import alerts as views

router = APIRouter(prefix="/alerts", tags=["alerts"])

LONGEST = timedelta(days=30)
Key = Annotated[str, Path(pattern=views.KEY, description="The alert's key.", examples=["trouble-7"])]


class Acknowledgement(Resource):
    """Who has seen an alert; operators read everybody's, others their own."""

    by: str = Field(examples=["olga"])
    at: datetime = Field(examples=["2026-11-22T12:41:00Z"])
    note: str | None = Field(examples=["fan was blocked"])


class Alert(Resource):
    """Something that was wrong."""

    key: str = Field(examples=["trouble-7"])
    severity: str = Field(description="critical or warning.", examples=["warning"])
    title: str = Field(examples=["GPU 0 was too hot"])
    detail: str = Field(examples=["84 °C for 3 min."])
    at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    ended_at: datetime | None = Field(description="null: it lasts, or was of a moment.", examples=[None])
    lasts: bool = Field(description="Whether it is still so.")
    acknowledgements: list[Acknowledgement]


class Note(Resource):
    """What to note with an acknowledgement."""

    note: str | None = Field(
        default=None, max_length=NOTE_MAX_CHARACTERS, pattern=NO_ZERO_CHARACTER, examples=["fan was blocked"]
    )


@router.get("", response_model=Listing[Alert])
def list_alerts(
    workspace: Reader,
    severity: Literal["critical", "warning"] | None = None,
    since: Annotated[Moment | None, Query(description="30 days ago where nothing is said.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> object:
    """What was wrong and the user may see, the newest first."""
    began = since or datetime.now(UTC) - LONGEST
    return all_of(workspace.read(lambda session: views.list_alerts(session, began, severity, limit)))


@router.get("/{key}", response_model=Alert)
def find_alert(workspace: Reader, key: Key) -> object:
    """One alert."""
    return workspace.read(lambda session: views.find_alert(session, key))


@router.put("/{key}/acknowledgement", response_model=Alert)
def acknowledge(workspace: Writer, key: Key, body: Note) -> object:
    """Say that you have seen it, or change your note."""
    workspace.act(lambda session: acknowledge_alert(session, key, body.note))
    return workspace.read(lambda session: views.find_alert(session, key))


@router.delete("/{key}/acknowledgement", status_code=204)
def withdraw(workspace: Writer, key: Key) -> None:
    """Take your acknowledgement back."""
    workspace.act(lambda session: withdraw_acknowledgement(session, key))
