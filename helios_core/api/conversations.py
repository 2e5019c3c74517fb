"""Conversations: found, read, taken in, given out, removed."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from helios_core.api.access import Reader, Writer
from helios_core.api.paging import After, Limit, Listing, page_of
from helios_core.api.participations import Participation
from helios_core.api.resources import AGENT_ID, NO_ZERO_CHARACTER, ONE_LINE, Id, Reason, Resource, Word
from helios_core.api.syntheses import Claim
from helios_core.ingest.importing import digest_of
from helios_core.ingest.reading import read
from helios_core.models import ConversationPhase
from helios_core.services.conversations import import_conversation as take_in
from helios_core.services.conversations import remove_conversation as remove
from helios_core.services.exports import export_file
from helios_core.services.runs import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    QUESTION_MAX_CHARACTERS,
    TITLE_MAX_CHARACTERS,
    USUAL_PRIORITY,
    start_conversation,
)
from helios_core.views import conversation_lists as lists
from helios_core.views.conversations import conversation as load

router = APIRouter(prefix="/conversations", tags=["conversations"])


class Person(Resource):
    """Who takes part."""

    agent_id: str = Field(examples=["technical_expert"])
    name: str = Field(examples=["Technical Expert"])


class ConversationRow(Resource):
    """One conversation in the list; what nobody recorded is null."""

    id: int = Field(examples=[12])
    title: str = Field(examples=["Spot instances?"])
    source: str = Field(description="live, rehearsal, import or sample.", examples=["import"])
    source_name: str | None = Field(examples=["spot.json"])
    state: str = Field(description="under_way, completed, failed, cancelled or timeout.", examples=["completed"])
    current_phase: str = Field(examples=["completion"])
    participants: list[Person]
    completed_delegations: int = Field(examples=[3])
    total_delegations: int = Field(examples=[3])
    tokens: int | None = Field(examples=[4210])
    started_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    created_at: datetime = Field(examples=["2026-11-22T12:41:00Z"])
    duration_seconds: float | None = Field(description="s; until now while it is under way.", examples=[160])


class PhaseSpan(Resource):
    """One stay in one phase."""

    position: int = Field(examples=[0])
    phase: str = Field(examples=["planning"])
    label: str | None = Field(description="What the source calls it.", examples=["Planning Phase"])
    started_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    ended_at: datetime | None = Field(examples=["2026-11-22T12:38:20Z"])


class Figures(Resource):
    """A conversation in numbers; null is unknown."""

    agreement: float | None = Field(description="0 to 1.", examples=[0.72])
    effective_votes: float | None = Field(examples=[1.4])
    expert_count: int = Field(description="Participants that answered.", examples=[2])
    shared_model_count: int = Field(description="Of these, those whose model another one uses, too.", examples=[2])
    satisfaction_rating: float | None = Field(description="1 to 5, by a person.", examples=[4])
    quality: float | None = Field(description="The mean of the responses' scores, 0 to 1.", examples=[0.7])
    scored_response_count: int = Field(examples=[2])
    duration_seconds: float | None = Field(description="s.", examples=[160])
    seconds: dict[str, float] = Field(
        description="Where the time of all delegations together went, in s.", examples=[{"queue": 45, "decode": 40}]
    )
    input_tokens: int | None = Field(examples=[1300])
    output_tokens: int | None = Field(examples=[1300])


class Conversation(Resource):
    """One conversation. Its messages, delegations, responses and syntheses have lists of their own."""

    id: int = Field(examples=[12])
    title: str = Field(examples=["Spot instances?"])
    question: str | None = Field(examples=["Should we move the nightly jobs?"])
    source: str = Field(description="live, rehearsal, import or sample.", examples=["import"])
    source_name: str | None = Field(examples=["spot.json"])
    current_phase: str = Field(examples=["completion"])
    outcome: str | None = Field(
        description="completed, failed, cancelled or timeout; null while it is under way.", examples=["completed"]
    )
    outcome_reason: str | None = Field(examples=["the PM closed it"])
    pm_agent_id: str | None = Field(examples=["project_manager"])
    attributes: dict[str, Any] = Field(description="What the source says besides.", examples=[{}])
    started_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    ended_at: datetime | None = Field(examples=["2026-11-22T12:40:40Z"])
    created_at: datetime = Field(examples=["2026-11-22T12:41:00Z"])
    figures: Figures
    phases: list[PhaseSpan]
    participants: list[Participation]
    claims: list[Claim] = Field(description="What the experts took a stance on.")


class Question(Resource):
    """What the team is asked."""

    question: str = Field(
        min_length=1,
        max_length=QUESTION_MAX_CHARACTERS,
        pattern=NO_ZERO_CHARACTER,
        examples=["Should we move the nightly jobs to spot instances?"],
    )
    title: str | None = Field(
        default=None,
        min_length=1,
        max_length=TITLE_MAX_CHARACTERS,
        pattern=ONE_LINE,
        description="null: the question's first line.",
        examples=["Spot instances?"],
    )
    agent_ids: list[Annotated[str, Field(pattern=AGENT_ID)]] | None = Field(
        default=None, description="The experts whom the PM may address; null: all.", examples=[["technical_expert"]]
    )
    priority: int = Field(
        default=USUAL_PRIORITY,
        ge=LOWEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        description="The highest is taken up first, and gets cards' slots first; above 5 is for operators.",
        examples=[5],
    )


class StartedConversation(Resource):
    """A conversation that waits for a worker."""

    conversation_id: int = Field(examples=[12])


class ImportedConversation(Resource):
    """The conversation that a file has become."""

    conversation_id: int = Field(examples=[12])
    title: str = Field(examples=["Spot instances?"])
    is_new: bool = Field(description="false: it was there already.")


async def body_of(request: Request) -> bytes:
    """The body as it came: its format is recognised by what is in it."""
    return await request.body()


FILE_SCHEMA = {"$ref": "#/components/schemas/NativeFile"}
FILE = {
    "required": True,
    "content": {
        "application/json": {
            "schema": FILE_SCHEMA,
            "example": {
                "format": "helios-conversation/1",
                "title": "Spot instances?",
                "outcome": "completed",
                "participants": [],
                "messages": [{"speaker": "user", "kind": "question", "content": "Should we move the nightly jobs?"}],
            },
        }
    },
}


@router.get("", response_model=Listing[ConversationRow])
def list_conversations(
    *,
    workspace: Reader,
    after: After,
    words: Annotated[
        str,
        Query(
            max_length=200,
            pattern=NO_ZERO_CHARACTER,
            description="Each word occurs in title, question or transcript; a page may be empty and go on.",
        ),
    ] = "",
    source: Literal["live", "rehearsal", "import", "sample"] | None = None,
    state: Literal["under_way", "completed", "failed", "cancelled", "timeout"] | None = None,
    agent_id: Word = None,
    phase: ConversationPhase | None = None,
    limit: Limit = 50,
) -> object:
    """The conversations that the user may see, the newest first."""
    which = lists.ConversationFilter(words=words, source=source, state=state, agent_id=agent_id, phase=phase)
    return page_of(workspace.read(lambda session: lists.list_conversations(session, which, after, limit)))


@router.post(
    "",
    status_code=201,
    response_model=ImportedConversation,
    responses={200: {"model": ImportedConversation, "description": "It was there already."}},
    openapi_extra={"requestBody": FILE},
)
def import_conversation(
    workspace: Writer,
    response: Response,
    content: Annotated[bytes, Depends(body_of)],
    name: Annotated[
        str, Query(min_length=1, max_length=200, pattern=ONE_LINE, description="What to call the file.")
    ] = "request.json",
) -> object:
    """Take in a conversation of the user: Helios's own JSON, Who&When or ChatDev. The same file counts once."""
    record = read(content, name)
    result = workspace.act(
        lambda session: take_in(session, record, source="import", source_name=name, digest=digest_of(content))
    )
    response.status_code = 201 if result.is_new else 200
    response.headers["Location"] = f"conversations/{result.conversation_id}"
    return result


@router.post("/ask", status_code=201, response_model=StartedConversation)
def ask(workspace: Writer, response: Response, body: Question) -> object:
    """Ask the team a question. A worker takes it up at once; the conversation shows how far it is."""
    conversation_id = workspace.act(lambda session: start_conversation(session, **body.model_dump()))
    response.headers["Location"] = f"{conversation_id}"
    return StartedConversation(conversation_id=conversation_id)


@router.get("/{conversation_id}", response_model=Conversation)
def find_conversation(workspace: Reader, conversation_id: Id) -> object:
    """One conversation."""
    return workspace.read(lambda session: load(session, conversation_id))


@router.delete("/{conversation_id}", status_code=204)
def remove_conversation(workspace: Writer, conversation_id: Id, reason: Reason = None) -> None:
    """Remove a conversation with all its parts."""
    workspace.act(lambda session: remove(session, conversation_id, reason))


@router.get(
    "/{conversation_id}/export",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": FILE_SCHEMA}}}},
)
def export_conversation(workspace: Reader, conversation_id: Id) -> Response:
    """A conversation that has ended, as Helios's own JSON, which an import takes in."""
    text = workspace.read(lambda session: export_file(session, conversation_id))
    name = f'attachment; filename="conversation-{conversation_id}.json"'
    return Response(text, media_type="application/json", headers={"Content-Disposition": name})
