"""Findings: what was wrong with a team's plans and answers, kept where people see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import ConversationFinding, MultiAgentConversation

FindingKind = Literal[
    "unreadable_plan",
    "unknown_expert",
    "addressed_itself",
    "empty_directive",
    "inline_mention",
    "repeated_directive",
    "too_many_directives",
    "unmet_dependency",
    "ping_pong",
    "dropped_requirement",
    "unproved_stance",
    "unreadable_judgement",
    "unreadable_claims",
    "unreadable_review",
    "misshapen_plan",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, in a sentence, with the words that it is about and what was done."""

    kind: FindingKind
    sentence: str
    excerpt: str
    effect: str


def record_findings(
    session: Session, conversation_id: int, findings: Sequence[Finding], *, delegation_id: int | None = None
) -> None:
    """Keep findings with their conversation, and with the delegation that they are about."""
    if not findings:
        return
    conversation = session.get(MultiAgentConversation, conversation_id)
    if conversation is None:
        raise NotFound(f"There is no conversation {conversation_id}.")
    session.add_all(
        ConversationFinding(
            user_id=conversation.user_id,
            conversation_id=conversation_id,
            delegation_id=delegation_id,
            kind=finding.kind,
            sentence=finding.sentence,
            excerpt=finding.excerpt,
            effect=finding.effect,
        )
        for finding in findings
    )
    session.flush()
