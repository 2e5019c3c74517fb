"""Transcripts: what is said in a conversation, in its order, and the phases that it goes through.

Who writes here holds the conversation's run, so that two writers never take the same place.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.sending import ask, send
from helios_core.models import ConversationPhase


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that takes the next place in its conversation. What nobody counted is None."""

    user_id: int
    conversation_id: int
    speaker: str
    kind: str
    content: str
    addressee: str | None = None
    phase: ConversationPhase | None = None
    delegation_id: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


APPEND = text(
    "INSERT INTO conversation_messages (user_id, conversation_id, position, speaker, addressee, kind, phase, content, "
    "delegation_id, input_tokens, output_tokens, occurred_at) "
    "SELECT new.user_id, new.conversation_id, "
    "coalesce((SELECT max(position) FROM conversation_messages said "
    " WHERE said.conversation_id = new.conversation_id), -1) "
    "+ row_number() OVER (PARTITION BY new.conversation_id ORDER BY new.place), new.speaker, new.addressee, new.kind, "
    "new.phase, new.content, new.delegation_id, new.input_tokens, new.output_tokens, clock_timestamp() "
    "FROM ROWS FROM (json_to_recordset(CAST(:messages AS json)) AS (user_id bigint, conversation_id bigint, "
    " speaker text, addressee text, kind text, phase conversationphase, content text, delegation_id bigint, "
    " input_tokens integer, output_tokens integer)) WITH ORDINALITY AS new (user_id, conversation_id, speaker, "
    " addressee, kind, phase, content, delegation_id, input_tokens, output_tokens, place) "
    "RETURNING conversation_id, position"
)


def append(session: Session, messages: Sequence[NewMessage]) -> None:
    """Add messages, in their order."""
    if messages:
        session.flush()
        send(session, APPEND, _rows(messages))


def append_placed(session: Session, messages: Sequence[NewMessage]) -> tuple[int, ...]:
    """Add messages, in their order, and return the place that each takes in its conversation."""
    if not messages:
        return ()
    session.flush()
    taken: dict[int, list[int]] = defaultdict(list)
    for conversation_id, position in sorted(ask(session, APPEND, _rows(messages)).all(), reverse=True):
        taken[conversation_id].append(position)
    return tuple(taken[message.conversation_id].pop() for message in messages)


def _rows(messages: Sequence[NewMessage]) -> dict[str, str]:
    rows = [{name: getattr(message, name) for name in COLUMNS} for message in messages]
    for row in rows:
        row["content"] = row["content"].replace("\x00", "")
    return {"messages": json.dumps(rows, ensure_ascii=False)}


COLUMNS = tuple(field.name for field in fields(NewMessage))


ENTER = text(
    "WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at), "
    "moved AS (UPDATE multi_agent_conversations SET current_phase = (CAST(:phases AS conversationphase[]))[:count], "
    " updated_at = now() WHERE id = :conversation RETURNING user_id), "
    "left_phase AS (UPDATE conversation_phases span SET ended_at = greatest(now.at, span.started_at) FROM now "
    " WHERE span.conversation_id = :conversation AND span.ended_at IS NULL) "
    "INSERT INTO conversation_phases (user_id, conversation_id, position, phase, started_at, ended_at) "
    "SELECT moved.user_id, :conversation, coalesce((SELECT max(position) FROM conversation_phases span "
    " WHERE span.conversation_id = :conversation), -1) + new.place, new.phase, now.at, "
    "CASE WHEN new.place < :count THEN now.at END "
    "FROM now, moved, unnest(CAST(:phases AS conversationphase[])) WITH ORDINALITY AS new (phase, place)"
)


def enter(session: Session, conversation_id: int, *phases: ConversationPhase) -> None:
    """Let the conversation go on to the last of `phases`, through those before it: the stay before ends at this moment.

    A conversation that the session has read already does not notice.
    """
    session.flush()
    named = f"{{{','.join(phases)}}}"
    send(session, ENTER, {"conversation": conversation_id, "phases": named, "count": len(phases)})
