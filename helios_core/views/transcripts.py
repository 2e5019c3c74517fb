"""What was said in a conversation: a light mark for every message, and the words of those that are read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.models import ConversationMessage

MARKED_MESSAGES = 5000
"""A longer conversation is marked up to here; no page can draw more."""


@dataclass(frozen=True, slots=True)
class MessageMark:
    """That somebody spoke, to whom and when, without the words."""

    position: int
    speaker: str
    addressee: str | None
    kind: str
    phase: str | None
    delegation_id: int | None
    occurred_at: datetime | None
    characters: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message with its words. A time or a number of tokens that nobody recorded is None."""

    position: int
    speaker: str
    addressee: str | None
    kind: str
    phase: str | None
    content: str
    delegation_id: int | None
    input_tokens: int | None
    output_tokens: int | None
    occurred_at: datetime | None


def marks(session: Session, conversation_id: int) -> tuple[MessageMark, ...]:
    """The marks of a conversation's messages, in their order."""
    rows = session.execute(
        select(
            ConversationMessage.position,
            ConversationMessage.speaker,
            ConversationMessage.addressee,
            ConversationMessage.kind,
            ConversationMessage.phase,
            ConversationMessage.delegation_id,
            ConversationMessage.occurred_at,
            func.length(ConversationMessage.content),
        )
        .where(ConversationMessage.conversation_id == conversation_id)
        .order_by(ConversationMessage.position)
        .limit(MARKED_MESSAGES)
    )
    return tuple(
        MessageMark(position, speaker, addressee, kind, phase.value if phase else None, *rest)
        for position, speaker, addressee, kind, phase, *rest in rows
    )


def messages(session: Session, conversation_id: int, first: int, last: int) -> tuple[Message, ...]:
    """The messages from position `first` to position `last`, in their order."""
    rows = session.scalars(
        select(ConversationMessage)
        .where(
            ConversationMessage.conversation_id == conversation_id, ConversationMessage.position.between(first, last)
        )
        .order_by(ConversationMessage.position)
    )
    return tuple(map(_message, rows))


def _message(row: ConversationMessage) -> Message:
    return Message(
        position=row.position,
        speaker=row.speaker,
        addressee=row.addressee,
        kind=row.kind,
        phase=row.phase.value if row.phase else None,
        content=row.content,
        delegation_id=row.delegation_id,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        occurred_at=row.occurred_at,
    )
