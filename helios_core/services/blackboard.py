"""The blackboard of the platform: what agents announce to each other, and to whoever else reads it.

An announcement says what happened and where to read it: ids, and figures that were known at that moment. Each is made
once, in the transaction of what it announces: asked again, the first one's id comes back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.errors import NotFound
from helios_core.models import AgentResponse, BlackboardEvent, TaskDelegation, TaskSynthesis
from helios_core.services.permissions import Action, require

Payload = Mapping[str, object]
Announced = TypeVar("Announced", TaskDelegation, AgentResponse, TaskSynthesis)


def announce_delegation(session: Session, delegation_id: int) -> int:
    """Announce a task from the PM to an expert, and link the delegation to the event; the event's id."""
    delegation = _locked(session, TaskDelegation, delegation_id, "delegation")
    if delegation.blackboard_event_id is not None:
        return delegation.blackboard_event_id
    announced = announce_tasks(session, [{name: getattr(delegation, name) for name in OF_DELEGATION}])
    delegation.blackboard_event_id = announced[delegation.id]
    session.flush()
    return announced[delegation.id]


OF_DELEGATION = (
    "id", "user_id", "conversation_id", "session_id", "pm_agent_id", "target_agent_id", "task_description", "attempt",
)  # fmt: skip
"""What the announcement of a task is made of."""


def announce_tasks(session: Session, tasks: Sequence[Mapping[str, Any]]) -> Mapping[int, int]:
    """Announce tasks that nobody can have announced before; the id of each event, by that of its delegation."""
    events = insert_rows(
        session,
        BlackboardEvent,
        [_of_task(task) for task in tasks],
        "CAST(event_payload ->> 'delegation_id' AS bigint) AS delegation_id",
        "id",
    )
    return {event.delegation_id: event.id for event in events}


def announce_answers(session: Session, answers: Sequence[tuple[Mapping[str, Any], UUID | None]]) -> None:
    """Announce answers that this transaction has written: each one's row, and the chat that it belongs to."""
    rows = [
        {
            "user_id": row["user_id"],
            "session_id": chat_id,
            "source_agent_id": row["agent_id"],
            "event_type": "response",
            "event_payload": {"response_id": row["id"], **{name: row.get(name) for name in OF_RESPONSE}},
        }
        for row, chat_id in answers
    ]
    insert_rows(session, BlackboardEvent, rows)


OF_RESPONSE = ("delegation_id", "conversation_id", "confidence_score", "quality_score")
"""What the announcement of a response says of it, beside its id."""


def announce_response(session: Session, response_id: int) -> int:
    """Announce what an expert answered; the event's id."""
    response = _locked(session, AgentResponse, response_id, "response")
    delegation = _locked(session, TaskDelegation, response.delegation_id, "delegation")
    payload = {"response_id": response.id, **{name: getattr(response, name) for name in OF_RESPONSE}}
    event = _event(response.user_id, delegation.session_id, response.agent_id, "response", payload)
    return _announced_once(session, event, {"response_id": response.id}, response.created_at)


def announce_synthesis(session: Session, synthesis_id: int) -> int:
    """Announce what was made of the responses; the event's id."""
    synthesis = _locked(session, TaskSynthesis, synthesis_id, "synthesis")
    payload = {"synthesis_id": synthesis.id, **{name: getattr(synthesis, name) for name in OF_SYNTHESIS}}
    event = _event(synthesis.user_id, synthesis.session_id, synthesis.synthesizer_agent_id, "synthesis", payload)
    return _announced_once(session, event, {"synthesis_id": synthesis.id}, synthesis.created_at)


OF_SYNTHESIS = ("conversation_id", "consensus_score", "quality_score", "effective_votes")
"""What the announcement of a synthesis says of it, beside its id."""


def announce_new_synthesis(session: Session, row: Mapping[str, Any]) -> None:
    """Announce a synthesis that this transaction has written, as this row."""
    payload = {"synthesis_id": row["id"], **{name: row.get(name) for name in OF_SYNTHESIS}}
    event = {
        "user_id": row["user_id"],
        "session_id": row["session_id"],
        "source_agent_id": row["synthesizer_agent_id"],
        "event_type": "synthesis",
        "event_payload": payload,
    }
    insert_rows(session, BlackboardEvent, [event])


def _of_task(task: Mapping[str, Any]) -> dict[str, Any]:
    # The user is named: a host's own table fills nothing in.
    return {
        "user_id": task["user_id"],
        "session_id": task["session_id"],
        "source_agent_id": task["pm_agent_id"],
        "event_type": "delegation",
        "event_payload": {
            "delegation_id": task["id"],
            "conversation_id": task["conversation_id"],
            "target_agent_id": task["target_agent_id"],
            "task": task["task_description"],
            "attempt": task["attempt"],
        },
    }


def _locked(session: Session, table: type[Announced], row_id: int, thing: str) -> Announced:
    """What is announced, while nobody else announces it."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    query = select(table).where(table.id == row_id).with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).one_or_none()
    if row is None:
        message = f"There is no {thing} {row_id}."
        raise NotFound(message)
    return row


def _event(user_id: int, chat_id: UUID | None, source: str, event_type: str, payload: Payload) -> BlackboardEvent:
    # The user is named: a host's own table fills nothing in.
    return BlackboardEvent(
        user_id=user_id,
        session_id=chat_id,
        source_agent_id=source,
        event_type=event_type,
        event_payload=dict(payload),
    )


def _announced_once(session: Session, event: BlackboardEvent, about: Payload, since: datetime) -> int:
    """The id of the event about the same thing, which nobody can have announced before it was there; else of this."""
    found = session.scalar(
        select(BlackboardEvent.id)
        .where(
            BlackboardEvent.user_id == event.user_id,
            BlackboardEvent.created_at >= since,
            BlackboardEvent.event_type == event.event_type,
            BlackboardEvent.event_payload.contains(about),
        )
        .limit(1)
    )
    if found is not None:
        return found
    session.add(event)
    session.flush()
    return event.id
