"""Messages: the words of a conversation, in their order."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api.access import Reader
from helios_core.api.paging import LARGEST_PAGE, Limit, Listing
from helios_core.api.resources import LARGEST_INTEGER, Id, Resource
from helios_core.views.conversations import require_conversation
from helios_core.views.transcripts import messages

router = APIRouter(prefix="/conversations/{conversation_id}/messages", tags=["conversations"])

LAST_POSITION = LARGEST_INTEGER - LARGEST_PAGE


class Message(Resource):
    """One message of the transcript; what nobody recorded is null."""

    position: int = Field(description="Its place, from 0.", examples=[2])
    speaker: str = Field(description="An agent, or `user` for the person who asked.", examples=["technical_expert"])
    addressee: str | None = Field(examples=["project_manager"])
    kind: str = Field(
        description="question, plan, thought, directive, response, synthesis, review, tool or note.",
        examples=["response"],
    )
    phase: str | None = Field(examples=["processing"])
    content: str = Field(examples=["Cheaper by 61 %."])
    delegation_id: int | None = Field(examples=[31])
    input_tokens: int | None = Field(examples=[1840])
    output_tokens: int | None = Field(examples=[612])
    occurred_at: datetime | None = Field(examples=["2026-11-22T12:38:45Z"])


@router.get("", response_model=Listing[Message])
def list_messages(
    workspace: Reader,
    conversation_id: Id,
    cursor: Annotated[int, Query(ge=0, le=LAST_POSITION, description="The position of the first message: `next`.")] = 0,
    limit: Limit = 50,
) -> object:
    """The messages from `cursor` on, the first one first."""

    def load(session: Session) -> dict[str, object]:
        require_conversation(session, conversation_id)
        # One more than asked for tells whether there is a next page.
        found = messages(session, conversation_id, cursor, cursor + limit)
        has_more = bool(found) and found[-1].position == cursor + limit
        return {"items": found[:-1] if has_more else found, "next": str(cursor + limit) if has_more else None}

    return workspace.read(load)
