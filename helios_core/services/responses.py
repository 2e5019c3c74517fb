"""Responses: what experts answer to their delegations, each written once, by who holds the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.sending import ask
from helios_core.models import AgentResponse, ConversationPhase, ModelProvider
from helios_core.services import blackboard, drafts, slots, statuses
from helios_core.services.runs import Hold, locked
from helios_core.services.transcripts import NewMessage, append


@dataclass(frozen=True, slots=True)
class NewResponse:
    """What an expert answered. What nobody measured is None; times are in seconds."""

    hold: Hold
    delegation_id: int
    agent_id: str
    content: str
    model_name: str | None
    model_provider: ModelProvider | None
    structured: Mapping[str, Any] = field(default_factory=dict)
    confidence_score: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    response_seconds: float | None = None
    queue_seconds: float | None = None
    load_seconds: float | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None


ANSWERED = text(
    "UPDATE task_delegations SET status = 'completed', progress_percent = 100, completed_at = clock_timestamp(), "
    "updated_at = now() WHERE id = ANY (:delegations) AND status = 'in_progress' "
    "RETURNING id, conversation_id, pm_agent_id, session_id, gpu_id, started_at, completed_at, "
    "nextval('agent_responses_id_seq') AS response_id, (SELECT coalesce(max(position), -1) + 1 "
    " FROM conversation_messages said WHERE said.conversation_id = task_delegations.conversation_id) AS next_position"
)
"""With the ids that the responses will have, and the next places in the transcripts."""


def respond(session: Session, responses: Sequence[NewResponse]) -> Mapping[int, int]:
    """Write answers, each once; the id of each response, by its delegation. One that comes late is left out."""
    held = locked(session, {response.hold for response in responses})
    mine = {response.delegation_id: response for response in responses if response.hold in held}
    ended = {row.id: row for row in ask(session, ANSWERED, {"delegations": list(mine)}).all()} if mine else {}
    answers = [(mine[delegation_id], row) for delegation_id, row in ended.items()]
    if not answers:
        return {}
    append(session, [_answer(response, row.pm_agent_id) for response, row in answers])
    places = {row.conversation_id: count(row.next_position) for row in ended.values()}
    rows = [_response_row(response, row, next(places[row.conversation_id])) for response, row in answers]
    insert_rows(session, AgentResponse, rows)
    blackboard.announce_answers(session, [(row, ended[row["delegation_id"]].session_id) for row in rows])
    drafts.drop(session, list(ended))
    slots.give_back(session, [delegation_id for delegation_id, row in ended.items() if row.gpu_id is not None])
    statuses.settle(session, {(response.hold.user_id, response.agent_id) for response, _ in answers})
    return {delegation_id: row.response_id for delegation_id, row in ended.items()}


def _answer(response: NewResponse, pm_agent_id: str) -> NewMessage:
    return NewMessage(
        user_id=response.hold.user_id,
        conversation_id=response.hold.conversation_id,
        speaker=response.agent_id,
        kind="response",
        content=response.content,
        addressee=pm_agent_id,
        phase=ConversationPhase.PROCESSING,
        delegation_id=response.delegation_id,
        input_tokens=response.input_tokens,
        output_tokens=response.output_tokens,
    )


MEASURES = (
    "confidence_score", "input_tokens", "output_tokens", "response_seconds", "queue_seconds", "load_seconds",
    "prefill_seconds", "decode_seconds", "model_name", "model_provider", "agent_id", "delegation_id",
)  # fmt: skip


def _response_row(response: NewResponse, ended: Any, position: int) -> dict[str, Any]:  # noqa: ANN401 - a row
    return {
        "id": ended.response_id,
        **{name: getattr(response, name) for name in MEASURES},
        "user_id": response.hold.user_id,
        "conversation_id": response.hold.conversation_id,
        "content": response.content.replace("\x00", ""),
        "structured": dict(response.structured),
        "position": position,
        "started_at": ended.started_at,
        "completed_at": ended.completed_at,
    }
