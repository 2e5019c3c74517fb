"""Runs: carrying a conversation from its question to its end, and steering it on the way.

A conversation is started by writing it, with its run, in one transaction; a worker takes the run up. What a worker
writes counts only while it holds the run at the epoch that it took: it asks for that, in `locked` or `holding`, in each
of its transactions, and waits there for whoever else writes to the same conversation. To end a run is to end its epoch.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.sending import ask, send
from helios_core.database.session import principal_of
from helios_core.errors import HoldLost, InvalidInput, NotAllowed, NotFound, PhaseLeft, TransitionRefused
from helios_core.models import (
    AgentConfiguration,
    ChatModeSession,
    ConversationPhase,
    ConversationRun,
    MultiAgentConversation,
    TaskDelegationStatus,
)
from helios_core.services import slots, statuses
from helios_core.services.announcements import Change, announce
from helios_core.services.chat_sessions import find_chat
from helios_core.services.participation import count_delegations
from helios_core.services.permissions import Action, require
from helios_core.services.records import PERSON, Outcome
from helios_core.services.transcripts import NewMessage, append

PROJECT_MANAGER = "project_manager"
QUESTION_MAX_CHARACTERS = 100_000
TITLE_MAX_CHARACTERS = 120
LOWEST_PRIORITY, USUAL_PRIORITY, HIGHEST_PRIORITY = 1, 5, 10
UNDER_WAY = (TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Hold:
    """A worker's hold on a run: what it writes counts while the run is at this epoch."""

    conversation_id: int
    user_id: int
    worker_id: UUID
    epoch: int


# Starting and steering, by people


def start_conversation(
    session: Session,
    question: str,
    *,
    title: str | None = None,
    agent_ids: Collection[str] | None = None,
    chat_id: UUID | None = None,
    priority: int = USUAL_PRIORITY,
) -> int:
    """Ask the team a question: the new conversation's id. A worker takes it up as soon as this is committed.

    `agent_ids`: the experts whom the PM may address, if not all; `chat_id`: the chat that it goes on in, if not a new
    one; `priority`: from 1 to 10, the highest first. Raises InvalidInput, NotAllowed and NotFound.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    _check_priority(session, priority)
    user_id = principal_of(session).user_id
    if user_id is None:
        raise NotAllowed("A conversation belongs to a user; start it as one.")
    asked = _question(question)
    heading = (title or asked).strip().splitlines()[0][:TITLE_MAX_CHARACTERS]
    new = {
        "user": user_id,
        "chat": _chat(session, user_id, chat_id, heading),
        "title": heading,
        "question": asked,
        "manager": PROJECT_MANAGER,
        "attributes": json.dumps({} if agent_ids is None else {"team": _team(session, agent_ids)}),
    }
    conversation_id: int = ask(session, BEGIN, new).one().id
    send(session, BEGIN_PHASES, {"user": user_id, "conversation": conversation_id})
    append(session, [NewMessage(user_id, conversation_id, PERSON, "question", asked, addressee=PROJECT_MANAGER)])
    run = {"user_id": user_id, "conversation_id": conversation_id, "priority": priority}
    insert_rows(session, ConversationRun, [run])
    announce(session, [Change("request", conversation_id)])
    return conversation_id


BEGIN = text(
    "INSERT INTO multi_agent_conversations (user_id, session_id, title, question, pm_agent_id, source, attributes, "
    "started_at) VALUES (:user, :chat, :title, :question, :manager, 'live', CAST(:attributes AS jsonb), now()) "
    "RETURNING id"
)
BEGIN_PHASES = text(
    "INSERT INTO conversation_phases (user_id, conversation_id, position, phase, started_at) "
    "VALUES (:user, :conversation, 0, 'initialization', clock_timestamp())"
)
"""The first phase is that of a new row; the others are entered."""


def pause_conversation(session: Session, conversation_id: int) -> None:
    """Let nothing new begin; answers under way are still taken. Raises NotFound and TransitionRefused."""
    run = steered(session, conversation_id)
    if run.paused_at is None:
        run.paused_at = func.now()
        session.flush()
        announce(session, [Change("control", conversation_id)])


def resume_conversation(session: Session, conversation_id: int) -> None:
    """Let a paused conversation go on. Raises NotFound and TransitionRefused."""
    run = steered(session, conversation_id)
    if run.paused_at is not None:
        run.paused_at = None
        session.flush()
        announce(session, [Change("control", conversation_id)])


def cancel_conversation(session: Session, conversation_id: int, reason: str | None = None) -> None:
    """End a conversation now, whatever its worker is at. Raises NotFound and TransitionRefused."""
    run = steered(session, conversation_id)
    end(session, run.conversation_id, "cancelled", reason or "It was cancelled.")
    announce(session, [Change("control", conversation_id)])


def steered(session: Session, conversation_id: int) -> ConversationRun:
    """The run of a conversation that is under way, while nobody else writes to it."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    run = session.get(ConversationRun, conversation_id, with_for_update=True, populate_existing=True)
    if run is None:
        if session.get(MultiAgentConversation, conversation_id) is None:
            raise NotFound(f"There is no conversation {conversation_id}.")
        raise TransitionRefused("This conversation was not led by Helios: there is nothing to steer.")
    if run.ended_at is not None:
        raise TransitionRefused("The conversation has ended; start a new one.")
    return run


def _chat(session: Session, user_id: int, chat_id: UUID | None, title: str) -> UUID:
    """The chat that a new conversation takes place in: the user's one of that id, or a new one."""
    if chat_id is None:
        new_id = uuid4()
        insert_rows(session, ChatModeSession, [{"id": new_id, "user_id": user_id, "title": title}])
        return new_id
    if find_chat(session, chat_id).user_id != user_id:
        raise NotFound(f"There is no chat {chat_id}.")
    return chat_id


def _question(question: str) -> str:
    asked = question.strip()
    if not asked or "\x00" in asked or len(asked) > QUESTION_MAX_CHARACTERS:
        raise InvalidInput({"question": f"Ask a question of 1 to {QUESTION_MAX_CHARACTERS:,} characters."})
    return asked


def _check_priority(session: Session, priority: int) -> None:
    """Nobody but an operator puts a conversation before those of others."""
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise InvalidInput({"priority": f"A priority is a whole number of {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}."})
    if priority > USUAL_PRIORITY:
        require(session, Action.PUT_FIRST)


def _team(session: Session, agent_ids: Collection[str]) -> list[str]:
    known = set(session.scalars(select(AgentConfiguration.agent_id).where(AgentConfiguration.agent_id.in_(agent_ids))))
    unknown = sorted(set(agent_ids) - known)
    if unknown or not set(agent_ids) - {PROJECT_MANAGER}:
        sentence = f"There is no agent {', '.join(unknown)}." if unknown else "Choose at least one expert."
        raise InvalidInput({"agent_ids": sentence})
    return sorted(set(agent_ids) - {PROJECT_MANAGER})


# Holding, by workers


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that a worker is about to take up; at epoch 0 nobody has had it before."""

    conversation_id: int
    epoch: int


def claim_waiting(session: Session, worker_id: UUID, limit: int) -> tuple[WaitingRun, ...]:
    """Put a worker's name on runs that wait, the most important and then the oldest first.

    Other workers get others, and who is ended gets none.
    """
    send(session, UNHURRIED, {})
    claimed = ask(session, CLAIM, {"worker": worker_id, "limit": limit}).all()
    return tuple(WaitingRun(run.conversation_id, run.epoch) for run in claimed)


UNHURRIED = text("SET LOCAL synchronous_commit = off")
"""A claim that a crash of the server takes away is made again by whoever looks next; to take a run up needs none."""
CLAIM = text(
    # Locked, so that nobody ends the worker while it claims.
    "WITH living AS MATERIALIZED (SELECT id FROM workers WHERE id = :worker AND ended_at IS NULL FOR SHARE), "
    "waiting AS MATERIALIZED (SELECT conversation_id FROM conversation_runs WHERE worker_id IS NULL "
    " AND ended_at IS NULL ORDER BY priority DESC, requested_at LIMIT :limit FOR UPDATE SKIP LOCKED) "
    "UPDATE conversation_runs run SET worker_id = living.id FROM living, waiting "
    "WHERE run.conversation_id = waiting.conversation_id RETURNING run.conversation_id, run.epoch"
)
TAKE = text(
    "UPDATE conversation_runs SET worker_id = :worker, epoch = epoch + 1, taken_at = now() "
    "WHERE conversation_id = :conversation AND ended_at IS NULL "
    "AND EXISTS (SELECT FROM workers WHERE id = :worker AND ended_at IS NULL FOR SHARE) RETURNING user_id, epoch"
)
LOCKED = text(
    "SELECT conversation_id, worker_id, epoch FROM conversation_runs "
    "WHERE conversation_id = ANY (:conversations) AND ended_at IS NULL ORDER BY conversation_id FOR UPDATE"
)


def take(session: Session, conversation_id: int, worker_id: UUID) -> Callable[[], Hold | None]:
    """Take a run up, from whoever had it; whether it was, the answer tells once it is looked at.

    None where the run has ended, or the worker counts as ended itself.
    """
    asked = ask(session, TAKE, {"worker": worker_id, "conversation": conversation_id})

    def hold() -> Hold | None:
        taken = asked.first()
        return None if taken is None else Hold(conversation_id, taken.user_id, worker_id, taken.epoch)

    return hold


def locked(session: Session, holds: Collection[Hold]) -> frozenset[Hold]:
    """Those of `holds` that still hold, while nobody else writes to their conversations."""
    asked = {"conversations": [hold.conversation_id for hold in holds]}
    return _held(ask(session, LOCKED, asked).all(), holds)


def _held(runs: Sequence[Any], holds: Collection[Hold]) -> frozenset[Hold]:
    found = {(run.conversation_id, run.worker_id, run.epoch) for run in runs}
    return frozenset(hold for hold in holds if (hold.conversation_id, hold.worker_id, hold.epoch) in found)


def require_hold(session: Session, hold: Hold) -> None:
    """Raise HoldLost unless the worker still holds the run; nobody else writes to it before the transaction ends."""
    if not locked(session, [hold]):
        raise HoldLost


@contextmanager
def holding(session: Session, hold: Hold, phase: ConversationPhase | None = None) -> Iterator[None]:
    """A block that counts while the worker holds the run, and the conversation is in `phase`, if any.

    Nobody else writes to it before the transaction ends. What the run is like is looked at last, however the block
    ends: so nothing waits for it, and what a late worker did, or failed to do, is rolled back. Raises HoldLost, and
    PhaseLeft.
    """
    runs = ask(session, LOCKED, {"conversations": [hold.conversation_id]})
    # Asked after the lock, so that it is the phase that whoever had the run before has left.
    conversations = None if phase is None else ask(session, PHASE, {"conversation": hold.conversation_id})
    try:
        yield
        runs.all()  # what was refused meanwhile may show here
    finally:
        found = runs.known()
        if found is not None and hold not in _held(found, [hold]):
            raise HoldLost
        found = None if conversations is None else conversations.known()
        if found and found[0].current_phase != phase:
            raise PhaseLeft


def phase_of(session: Session, conversation_id: int) -> ConversationPhase | None:
    """The phase that a conversation is in. Ask after its run is locked, so that it is that of who held it before."""
    found = ask(session, PHASE, {"conversation": conversation_id}).first()
    return None if found is None else ConversationPhase(found.current_phase)


PHASE = text("SELECT current_phase FROM multi_agent_conversations WHERE id = :conversation")


def is_paused(session: Session, hold: Hold) -> bool:
    """Whether nothing new may begin in the conversation. Raises HoldLost."""
    found = session.execute(
        select(ConversationRun.paused_at).where(
            ConversationRun.conversation_id == hold.conversation_id,
            ConversationRun.epoch == hold.epoch,
            ConversationRun.ended_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        raise HoldLost
    return found.paused_at is not None


def finish(session: Session, hold: Hold, outcome: Outcome, reason: str | None = None) -> None:
    """End a held run with its conversation."""
    require_hold(session, hold)
    end(session, hold.conversation_id, outcome, reason)


def end(session: Session, conversation_id: int, outcome: Outcome, reason: str | None) -> None:
    """End a run, its conversation, and what is still under way in it; whoever held it holds it no longer."""
    session.flush()
    of = {"conversation": conversation_id}
    left = ask(session, END_DELEGATIONS, of)
    ended = ask(session, END, {**of, "outcome": outcome, "reason": reason}).one()
    delegations = left.all()
    slots.give_back(session, [delegation.id for delegation in delegations])
    count_delegations(session, ended.user_id, conversation_id)
    agents = {delegation.target_agent_id for delegation in delegations} | {ended.pm_agent_id or PROJECT_MANAGER}
    statuses.settle(session, [(ended.user_id, agent_id) for agent_id in agents])


END_DELEGATIONS = text(
    "UPDATE task_delegations SET status = 'cancelled', completed_at = clock_timestamp(), updated_at = now(), "
    "error_message = 'The conversation ended.' "
    "WHERE conversation_id = :conversation AND status IN ('pending', 'in_progress') RETURNING id, target_agent_id"
)
END = text(
    "WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at), "
    "left_phase AS (UPDATE conversation_phases span SET ended_at = greatest(now.at, span.started_at) FROM now "
    " WHERE span.conversation_id = :conversation AND span.ended_at IS NULL), "
    "unfinished AS (DELETE FROM answer_drafts WHERE conversation_id = :conversation), "
    "ended AS (UPDATE conversation_runs SET ended_at = now.at, epoch = epoch + 1 FROM now "
    " WHERE conversation_id = :conversation) "
    "UPDATE multi_agent_conversations SET outcome = :outcome, outcome_reason = :reason, "
    "ended_at = greatest(now.at, started_at), updated_at = now() FROM now "
    "WHERE id = :conversation RETURNING user_id, pm_agent_id"
)
