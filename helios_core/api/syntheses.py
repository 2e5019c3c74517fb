"""Syntheses: what was made of the responses, by whom, and how far the experts agreed."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from helios_core.api.access import Reader
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.resources import LARGEST_BIGINT, Id, Resource
from helios_core.views import syntheses as views

router = APIRouter(prefix="/syntheses", tags=["syntheses"])


class Contribution(Resource):
    """What one response gave to the synthesis; null where no weight was measured."""

    agent_id: str = Field(examples=["technical_expert"])
    response_id: int | None = Field(examples=[51])
    weight: float | None = Field(description="0 to 1.", examples=[0.7])


class Claim(Resource):
    """Something that the answer rests on, and how each expert who spoke to it stands."""

    text: str = Field(examples=["The jobs survive a restart."])
    stances: dict[str, str] = Field(
        description="By agent: for, against or qualified.", examples=[{"technical_expert": "for"}]
    )


class Synthesis(Resource):
    """One synthesis; scores that nobody gave are null."""

    id: int = Field(examples=[9])
    conversation_id: int | None = Field(examples=[12])
    synthesizer_agent_id: str = Field(examples=["project_manager"])
    content: str = Field(examples=["Yes, but not all of them."])
    contributions: list[Contribution]
    conflicts: list[Claim] = Field(description="Claims on which the experts did not agree.")
    minority_report: str | None = Field(examples=["Data Analyst: not before a restart test."])
    consensus_score: float | None = Field(description="0 to 1.", examples=[0.72])
    quality_score: float | None = Field(description="0 to 1.", examples=[0.8])
    effective_votes: float | None = Field(description="Experts on one model count as less than one each.")
    position: int | None = Field(examples=[4])
    created_at: datetime = Field(examples=["2026-11-22T12:40:00Z"])


@router.get("", response_model=Listing[Synthesis])
def list_syntheses(
    workspace: Reader,
    after: After,
    conversation_id: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT)] = None,
    limit: Limit = 50,
) -> object:
    """The syntheses that the user may see, the newest first."""
    return page_of(workspace.read(lambda session: views.list_syntheses(session, conversation_id, after, limit)))


@router.get("/{synthesis_id}", response_model=Synthesis)
def find_synthesis(workspace: Reader, synthesis_id: Id) -> object:
    """One synthesis."""
    return workspace.read(lambda session: views.find_synthesis(session, synthesis_id))
