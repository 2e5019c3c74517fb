"""Participations: what each agent contributed to a conversation."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api.access import Reader
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import Id, Resource
from helios_core.views.conversations import require_conversation
from helios_core.views.participants import Participant, participants_of

router = APIRouter(prefix="/conversations/{conversation_id}/participations", tags=["participations"])


class Participation(Resource):
    """What one agent contributed to one conversation; what was not measured is null."""

    agent_id: str = Field(examples=["technical_expert"])
    name: str = Field(examples=["Technical Expert"])
    role: str = Field(examples=["expert"])
    model_name: str | None = Field(examples=["qwen2.5:14b"])
    turns: int = Field(examples=[3])
    input_tokens: int | None = Field(examples=[1840])
    output_tokens: int | None = Field(examples=[612])
    first_response_seconds: float | None = Field(description="s.", examples=[41.5])
    average_response_seconds: float | None = Field(description="s.", examples=[38.2])
    quality_score: float | None = Field(description="0 to 1.", examples=[0.8])
    satisfaction_rating: float | None = Field(description="1 to 5, by a person.", examples=[4])
    contribution_percent: float | None = Field(description="Its share of the answer, %.", examples=[40])
    joined_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    left_at: datetime | None = Field(examples=["2026-11-22T12:40:40Z"])


@router.get("", response_model=Listing[Participation])
def list_participations(workspace: Reader, conversation_id: Id) -> object:
    """Who took part, in the order in which they joined."""

    def load(session: Session) -> tuple[Participant, ...]:
        require_conversation(session, conversation_id)
        return participants_of(session, [conversation_id]).get(conversation_id, ())

    return all_of(workspace.read(load))
