"""Delegations: tasks from the PM to experts: planned, started, failed; cancelled, retried, reassigned.

A retry is a delegation of its own, with `retry_of`. All attempts at one task of the plan share its place, which is what
others depend on: it is settled by an answer, or when no attempt is under way any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.sending import ask
from helios_core.errors import NotFound, TransitionRefused
from helios_core.models import (
    AgentConfiguration,
    ConversationPhase,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services import blackboard, drafts, slots, statuses
from helios_core.services.announcements import Change, announce
from helios_core.services.runs import UNDER_WAY, Hold, locked, require_hold, steered
from helios_core.services.transcripts import NewMessage, append, append_placed
from helios_core.views.participants import named

STEERABLE = (ConversationPhase.DELEGATION, ConversationPhase.PROCESSING)
"""The phases in which experts work, so that a task can be given once more."""


@dataclass(frozen=True, slots=True)
class NewDelegation:
    """A task of a plan. `place` counts the tasks of a conversation; `depends_on` holds the places that come first."""

    place: int
    agent_id: str
    task: str
    directive: str
    requirements: tuple[str, ...] = ()
    depends_on: tuple[int, ...] = ()
    given: str | None = None
    """The context that the PM gave with it."""
    review_round: int = 0
    priority: int = 5
    timeout_seconds: int | None = None
    begins: bool = False
    """Whether its expert begins at once, since it waits for no other task and no card."""

    @property
    def status(self) -> TaskDelegationStatus:
        """What it is as it is written."""
        return TaskDelegationStatus.IN_PROGRESS if self.begins else TaskDelegationStatus.PENDING


@dataclass(frozen=True, slots=True)
class Start:
    """A delegation that is about to be worked on; on the cards that `gpu_ids` names, if any."""

    hold: Hold
    delegation_id: int
    agent_id: str
    gpu_ids: tuple[int, ...]
    priority: int


# By workers


def plan(session: Session, hold: Hold, said: NewMessage, tasks: Sequence[NewDelegation]) -> tuple[int, ...]:
    """Write a plan as it was said, its tasks as delegations, and after it their directives; their ids, in order."""
    session.flush()
    places = ask(session, PLACES, {"conversation": hold.conversation_id, "count": len(tasks)}).all()
    rows = [_planned(hold, place, task) for place, task in zip(places, tasks, strict=True)]
    events = blackboard.announce_tasks(session, rows)
    insert_rows(session, TaskDelegation, [{**row, "blackboard_event_id": events[row["id"]]} for row in rows])
    append(session, [said, *(_directive(row) for row in rows)])
    statuses.settle(session, {(hold.user_id, task.agent_id) for task in tasks if task.begins})
    return tuple(row["id"] for row in rows)


PLACES = text(
    "SELECT nextval('task_delegations_id_seq') AS id, c.session_id, c.pm_agent_id, clock_timestamp() AS now, "
    "place + 1 + (SELECT coalesce(max(position), -1) FROM conversation_messages said "
    " WHERE said.conversation_id = c.id) AS position FROM multi_agent_conversations c, "
    "generate_series(1, :count) AS place WHERE c.id = :conversation ORDER BY place"
)
"""The ids that new delegations will have, and their places in the transcript, after the plan's own."""


def _planned(hold: Hold, place: Row[Any], task: NewDelegation) -> dict[str, Any]:
    return {
        "id": place.id,
        "user_id": hold.user_id,
        "conversation_id": hold.conversation_id,
        "session_id": place.session_id,
        "pm_agent_id": place.pm_agent_id,
        "target_agent_id": task.agent_id,
        "task_description": task.task,
        "delegation_directive": task.directive,
        "requirements": list(task.requirements),
        "context": {
            "place": task.place,
            "depends_on": list(task.depends_on),
            "given": task.given,
            "review_round": task.review_round,
        },
        "status": task.status,
        "priority": task.priority,
        "timeout_seconds": task.timeout_seconds,
        "position": place.position,
        "attempt": 1,
        "delegated_at": place.now,
        "started_at": place.now if task.begins else None,
    }


def _directive(row: Mapping[str, Any], phase: ConversationPhase = ConversationPhase.DELEGATION) -> NewMessage:
    return NewMessage(
        user_id=row["user_id"],
        conversation_id=row["conversation_id"],
        speaker=row["pm_agent_id"],
        kind="directive",
        content=row["delegation_directive"] or row["task_description"],
        addressee=row["target_agent_id"],
        phase=phase,
        delegation_id=row["id"],
    )


STARTED = text(
    "UPDATE task_delegations d SET status = 'in_progress', started_at = coalesce(d.started_at, clock_timestamp()), "
    "gpu_id = new.gpu_id, updated_at = now() "
    "FROM unnest(CAST(:delegations AS bigint[]), CAST(:cards AS integer[])) AS new (id, gpu_id) "
    "WHERE d.id = new.id AND d.status IN ('pending', 'in_progress') RETURNING d.id"
)


def start(session: Session, starts: Sequence[Start]) -> frozenset[int]:
    """Begin those delegations that may: not ended, of runs that are held, with a slot where they need a card's.

    The others wait for their slot, and are announced when they get it.
    """
    held = locked(session, {start.hold for start in starts})
    mine = [start for start in starts if start.hold in held]
    granted = slots.claim(
        session,
        [
            slots.Claim(start.hold.user_id, start.delegation_id, start.gpu_ids, start.hold.worker_id, start.priority)
            for start in mine
            if start.gpu_ids
        ],
    )
    ready = [start for start in mine if not start.gpu_ids or start.delegation_id in granted]
    if not ready:
        return frozenset()
    first_cards = [next(iter(start.gpu_ids), None) for start in ready]
    rows = {"delegations": [start.delegation_id for start in ready], "cards": first_cards}
    begun = frozenset(row.id for row in ask(session, STARTED, rows).all())
    slots.give_back(session, granted - begun)
    statuses.settle(session, {(start.hold.user_id, start.agent_id) for start in ready})
    return begun


def fail(session: Session, hold: Hold, delegation_id: int, reason: str, *, timed_out: bool, again: bool) -> int | None:
    """End an attempt that gave no answer, and begin the next where it is worth it: its id. None: there is none.

    Nothing happens to a delegation that has ended meanwhile.
    """
    require_hold(session, hold)
    delegation = session.get_one(TaskDelegation, delegation_id, with_for_update=True, populate_existing=True)
    if delegation.status not in UNDER_WAY:
        return None
    status = TaskDelegationStatus.TIMEOUT if timed_out else TaskDelegationStatus.FAILED
    _end(session, delegation, status, reason)
    name, outcome = named(delegation.target_agent_id), "did not answer in time" if timed_out else "failed"
    _note(session, delegation, f"{name} {outcome}: {reason}")
    return _next_attempt(session, delegation, delegation.target_agent_id).id if again else None


# By people


def cancel_delegation(session: Session, delegation_id: int, reason: str | None = None) -> None:
    """End a delegation without an answer; the others go on. Raises NotFound and TransitionRefused."""
    delegation = _steered(session, delegation_id)
    if delegation.status not in UNDER_WAY:
        raise TransitionRefused(f"The delegation has ended: it is {delegation.status.value}.")
    _end(session, delegation, TaskDelegationStatus.CANCELLED, reason or "It was cancelled.")
    _note(session, delegation, f"The task of {named(delegation.target_agent_id)} was cancelled.")
    _tell(session, delegation)


def retry_delegation(session: Session, delegation_id: int) -> int:
    """Give the task of a delegation that has ended to the same expert once more; the id of the new delegation.

    Raises NotFound, and TransitionRefused while it is under way, or where the experts' work is over.
    """
    delegation = _steered(session, delegation_id)
    if delegation.status in UNDER_WAY:
        raise TransitionRefused("The delegation is under way; cancel it first, or reassign it.")
    return _given_again(session, delegation, delegation.target_agent_id)


def reassign_delegation(session: Session, delegation_id: int, agent_id: str) -> int:
    """Give the task of a delegation to another expert, whether it has ended or not; the id of the new delegation.

    Raises NotFound and TransitionRefused.
    """
    delegation = _steered(session, delegation_id)
    configured = select(AgentConfiguration.id).where(AgentConfiguration.agent_id == agent_id).limit(1)
    if session.scalar(configured) is None:
        raise NotFound(f"There is no agent {agent_id}.")
    if agent_id in {delegation.target_agent_id, delegation.pm_agent_id}:
        raise TransitionRefused("Choose another expert than the one who has it, and not the Project Manager.")
    if delegation.status in UNDER_WAY:
        _end(session, delegation, TaskDelegationStatus.CANCELLED, f"It was given to {agent_id}.")
    return _given_again(session, delegation, agent_id)


def _given_again(session: Session, delegation: TaskDelegation, agent_id: str) -> int:
    conversation = session.get_one(MultiAgentConversation, delegation.conversation_id)
    if conversation.current_phase not in STEERABLE:
        raise TransitionRefused("The experts' work is over in this conversation; start a new one.")
    others = session.scalars(
        select(TaskDelegation).where(
            TaskDelegation.conversation_id == delegation.conversation_id, TaskDelegation.status.in_(UNDER_WAY)
        )
    )
    if any(other.context.get("place") == delegation.context.get("place") for other in others):
        raise TransitionRefused("Another attempt at this task is under way.")
    again = _next_attempt(session, delegation, agent_id)
    _tell(session, again)
    return again.id


def _steered(session: Session, delegation_id: int) -> TaskDelegation:
    """The delegation, while nobody else writes to its conversation."""
    found = session.get(TaskDelegation, delegation_id)
    if found is None or found.conversation_id is None:
        raise NotFound(f"There is no delegation {delegation_id}.")
    steered(session, found.conversation_id)
    session.refresh(found)
    return found


def _end(session: Session, delegation: TaskDelegation, status: TaskDelegationStatus, reason: str) -> None:
    if delegation.status is TaskDelegationStatus.PENDING and status is TaskDelegationStatus.FAILED:
        delegation.status = TaskDelegationStatus.IN_PROGRESS  # only what was begun can fail
        session.flush()
    delegation.status, delegation.error_message = status, reason
    delegation.completed_at = func.clock_timestamp()
    session.flush()
    drafts.drop(session, [delegation.id])
    slots.give_back(session, [delegation.id])
    statuses.settle(session, [(delegation.user_id, delegation.target_agent_id)])


def _next_attempt(session: Session, ended: TaskDelegation, agent_id: str) -> TaskDelegation:
    again = TaskDelegation(
        **{name: getattr(ended, name) for name in COPIED},
        target_agent_id=agent_id,
        status=TaskDelegationStatus.PENDING,
        attempt=ended.attempt + 1,
        retry_of=ended.id,
        delegated_at=func.clock_timestamp(),
    )
    session.add(again)
    session.flush()
    conversation = session.get_one(MultiAgentConversation, ended.conversation_id)
    (again.position,) = append_placed(session, [_directive(again.as_dict(), conversation.current_phase)])
    blackboard.announce_delegation(session, again.id)
    return again


COPIED = (
    "user_id", "conversation_id", "session_id", "pm_agent_id", "task_description", "delegation_directive",
    "requirements", "context", "priority", "timeout_seconds",
)  # fmt: skip


def _note(session: Session, delegation: TaskDelegation, content: str) -> None:
    if delegation.conversation_id is not None:
        about = NewMessage(
            user_id=delegation.user_id,
            conversation_id=delegation.conversation_id,
            speaker=delegation.pm_agent_id,
            kind="note",
            content=content,
            phase=ConversationPhase.PROCESSING,
            delegation_id=delegation.id,
        )
        append(session, [about])


def _tell(session: Session, delegation: TaskDelegation) -> None:
    if delegation.conversation_id is not None:
        announce(session, [Change("control", delegation.conversation_id)])
