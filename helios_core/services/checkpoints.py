"""Validation checkpoints of the platform: checks that quality passes through, each begun once and ended once."""

import json
from collections.abc import Mapping
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from helios_core.database.sending import send
from helios_core.errors import InvalidInput, NotFound, TransitionRefused
from helios_core.models import MultiAgentConversation, ValidationCheckpoint
from helios_core.services.permissions import Action, require

Verdict = Literal["passed", "failed", "skipped"]


def begin_check(
    session: Session, conversation_id: int, checkpoint_type: str, details: Mapping[str, object] | None = None
) -> int:
    """Begin a check of something in a conversation; its id. `details` is JSON: what is checked, by what."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    conversation = session.get(MultiAgentConversation, conversation_id)
    if conversation is None:
        message = f"There is no conversation {conversation_id}."
        raise NotFound(message)
    # The user is named: a host's own table fills nothing in.
    checkpoint = ValidationCheckpoint(
        user_id=conversation.user_id,
        session_id=conversation.session_id,
        checkpoint_type=checkpoint_type,
        status="pending",
        details={**(details or {}), "conversation_id": conversation_id},
    )
    session.add(checkpoint)
    session.flush()
    return checkpoint.id


def record_check(
    session: Session,
    of: tuple[int, int, UUID | None],
    checkpoint_type: str,
    verdict: Verdict,
    *,
    score: float | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write a check that has been made: `of` are the conversation, its user and its chat."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    _refuse_impossible(verdict, score)
    conversation_id, user_id, chat_id = of
    checkpoint = {
        "user": user_id,
        "chat": chat_id,
        "type": checkpoint_type,
        "verdict": verdict,
        "score": score,
        "details": json.dumps({**(details or {}), "conversation_id": conversation_id}),
    }
    send(session, CHECKED, checkpoint)


CHECKED = text(
    "INSERT INTO validation_checkpoints (user_id, session_id, checkpoint_type, status, score, details, created_at, "
    "completed_at) VALUES (:user, :chat, :type, :verdict, :score, CAST(:details AS jsonb), now(), clock_timestamp())"
)


def end_check(
    session: Session,
    checkpoint_id: int,
    verdict: Verdict,
    score: float | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """End a check, with a score from 0 to 1 where there is one; `details` are added to those of its beginning.

    Raises InvalidInput, NotFound, and TransitionRefused for a check that has ended.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    _refuse_impossible(verdict, score)
    query = select(ValidationCheckpoint).where(ValidationCheckpoint.id == checkpoint_id).with_for_update()
    checkpoint = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if checkpoint is None:
        message = f"There is no checkpoint {checkpoint_id}."
        raise NotFound(message)
    if checkpoint.status != "pending":
        message = f"Status cannot change from {checkpoint.status} to {verdict}: the check has ended."
        raise TransitionRefused(message)
    checkpoint.status, checkpoint.score, checkpoint.completed_at = verdict, score, func.clock_timestamp()
    checkpoint.details = {**checkpoint.details, **(details or {})}
    session.flush()


def _refuse_impossible(verdict: str, score: float | None) -> None:
    """What a host's own table may not refuse by itself."""
    if verdict not in get_args(Verdict):
        raise InvalidInput({"status": f"Choose one of {', '.join(get_args(Verdict))}."})
    if score is not None and not 0 <= score <= 1:
        raise InvalidInput({"score": "A score lies between 0 and 1."})
