"""What was found wrong with a conversation's plans and answers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.models import ConversationFinding

SHOWN_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, in a sentence, with the words that it is about and what was done."""

    id: int
    kind: str
    sentence: str
    excerpt: str
    effect: str
    delegation_id: int | None
    found_at: datetime


def findings_of(session: Session, conversation_id: int) -> tuple[Finding, ...]:
    """The first findings of a conversation, in the order in which they were found."""
    rows = session.scalars(
        select(ConversationFinding)
        .where(ConversationFinding.conversation_id == conversation_id)
        .order_by(ConversationFinding.id)
        .limit(SHOWN_FINDINGS)
    )
    return tuple(
        Finding(row.id, row.kind, row.sentence, row.excerpt, row.effect, row.delegation_id, row.created_at)
        for row in rows
    )
