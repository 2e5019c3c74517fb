"""Conversations as a whole: taking one in, giving one out, removing one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, TypeVar

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.errors import NotAllowed, NotFound, Refused
from helios_core.models import (
    AgentParticipation,
    AgentResponse,
    ConversationMessage,
    ConversationPhaseSpan,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
    TaskSynthesis,
)
from helios_core.models.base import Base
from helios_core.services.audit import record as record_change
from helios_core.services.permissions import Action, require
from helios_core.services.records import (
    ConversationRecord,
    DelegationRecord,
    ParticipantRecord,
    SynthesisRecord,
)

Source = Literal["import", "sample"]
Row = dict[str, Any]
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The conversation that a file has become. `is_new`: by this import; it was there already otherwise."""

    conversation_id: int
    title: str
    is_new: bool


def import_conversation(
    session: Session, record: ConversationRecord, *, source: Source, source_name: str, digest: str
) -> ImportResult:
    """Store a record with all its parts as a conversation of the session's user, once for each `digest`."""
    require(session, Action.IMPORT_CONVERSATIONS)
    conversation_id = _insert_conversation(session, record, source, source_name, digest)
    if conversation_id is None:
        return _already_there(session, digest)
    delegation_ids = _insert_delegations(session, conversation_id, record, source)
    response_ids = _insert_responses(session, conversation_id, record, delegation_ids)
    syntheses = [_synthesis_row(synthesis, response_ids) for synthesis in record.syntheses]
    _insert(session, TaskSynthesis, conversation_id, syntheses)
    participations = [_participation_row(record, participant) for participant in record.participants]
    _insert(session, AgentParticipation, conversation_id, participations)
    _insert(session, ConversationMessage, conversation_id, _message_rows(record, delegation_ids))
    phases = [phase.model_dump() | {"position": position} for position, phase in enumerate(record.phases)]
    _insert(session, ConversationPhaseSpan, conversation_id, phases)
    return ImportResult(conversation_id, record.title, is_new=True)


def remove_conversation(session: Session, conversation_id: int, reason: str | None = None) -> None:
    """Delete a conversation with all its parts."""
    require(session, Action.REMOVE_CONVERSATIONS)
    statement = delete(MultiAgentConversation).where(MultiAgentConversation.id == conversation_id)
    removed = session.execute(
        statement.returning(MultiAgentConversation.user_id, MultiAgentConversation.title)
    ).one_or_none()
    if removed is None:
        raise NotFound(f"There is no conversation {conversation_id}.")
    record_change(
        session,
        "removed",
        MultiAgentConversation.__tablename__,
        conversation_id,
        before={"title": removed.title},
        after=None,
        reason=reason,
        owner_id=removed.user_id,
    )


def remove_samples(session: Session) -> int:
    """Delete the samples of the session's user, and return how many there were."""
    require(session, Action.REMOVE_SAMPLES)
    statement = delete(MultiAgentConversation).where(
        MultiAgentConversation.user_id == principal_of(session).user_id, MultiAgentConversation.source == "sample"
    )
    return len(session.scalars(statement.returning(MultiAgentConversation.id)).all())


def _insert_conversation(
    session: Session, record: ConversationRecord, source: Source, source_name: str, digest: str
) -> int | None:
    """The new conversation's id; None where one of the same digest is there, or is committed at this moment."""
    if principal_of(session).user_id is None:
        raise NotAllowed("A conversation belongs to a user; import it as one.")
    row = _columns_of(MultiAgentConversation, record.model_dump()) | {
        "current_phase": record.last_phase,
        "source": source,
        "source_name": source_name,
        "source_digest": digest,
    }
    statement = postgresql.insert(MultiAgentConversation).values(row)
    once = statement.on_conflict_do_nothing(index_elements=["user_id", "source_digest"])
    return session.scalar(once.returning(MultiAgentConversation.id))


def _already_there(session: Session, digest: str) -> ImportResult:
    found = session.execute(
        select(MultiAgentConversation.id, MultiAgentConversation.title).where(
            MultiAgentConversation.user_id == principal_of(session).user_id,
            MultiAgentConversation.source_digest == digest,
        )
    ).one_or_none()
    if found is None:
        raise Refused("The same conversation was removed at this moment; import it again.")
    return ImportResult(found.id, found.title, is_new=False)


def _insert_delegations(
    session: Session, conversation_id: int, record: ConversationRecord, source: Source
) -> Sequence[int]:
    """The ids of the delegations, in the record's order."""
    cards = dict(session.execute(select(GPUResource.uuid, GPUResource.id)).all())
    rows = [
        _columns_of(TaskDelegation, delegation.model_dump()) | {"gpu_id": _card(delegation, cards, source)}
        for delegation in record.delegations
    ]
    ids = _insert(session, TaskDelegation, conversation_id, [row | {"retry_of": None} for row in rows])
    for delegation_id, delegation in zip(ids, record.delegations, strict=True):
        if delegation.retry_of is not None:
            session.get_one(TaskDelegation, delegation_id).retry_of = ids[delegation.retry_of]
    session.flush()
    return ids


def _card(delegation: DelegationRecord, cards: Mapping[str, int], source: Source) -> int | None:
    """The card here that a delegation ran on. By its id alone only a sample, which is about no card in particular."""
    if delegation.gpu_uuid is not None:
        return cards.get(delegation.gpu_uuid)
    return delegation.gpu_id if source == "sample" and delegation.gpu_id in cards.values() else None


def _insert_responses(
    session: Session, conversation_id: int, record: ConversationRecord, delegation_ids: Sequence[int]
) -> Sequence[int]:
    """The ids of the responses, in the record's order."""
    rows = [
        response.model_dump(exclude={"delegation"}) | {"delegation_id": delegation_ids[response.delegation]}
        for response in record.responses
    ]
    return _insert(session, AgentResponse, conversation_id, rows)


def _synthesis_row(synthesis: SynthesisRecord, response_ids: Sequence[int]) -> Row:
    contributions = [
        {"response_id": response_ids[contribution.response], **contribution.model_dump(exclude={"response"})}
        for contribution in synthesis.contributions
    ]
    return synthesis.model_dump() | {"contributions": contributions}


def _message_rows(record: ConversationRecord, delegation_ids: Sequence[int]) -> list[Row]:
    return [
        message.model_dump(exclude={"delegation"})
        | {
            "position": position,
            "delegation_id": None if message.delegation is None else delegation_ids[message.delegation],
        }
        for position, message in enumerate(record.messages)
    ]


def _participation_row(record: ConversationRecord, participant: ParticipantRecord) -> Row:
    """What an agent contributed, counted from its messages and responses; None where a part of it is not known."""
    said = [message for message in record.messages if message.speaker == participant.agent_id]
    answers = [response for response in record.responses if response.agent_id == participant.agent_id]
    times = [message.occurred_at for message in said if message.occurred_at is not None]
    seconds = _all_known(answer.response_seconds for answer in answers)
    quality = _all_known(answer.quality_score for answer in answers)
    input_tokens = _all_known(message.input_tokens for message in said)
    output_tokens = _all_known(message.output_tokens for message in said)
    return participant.model_dump() | {
        "turns": len(said),
        "input_tokens": sum(input_tokens) if input_tokens else None,
        "output_tokens": sum(output_tokens) if output_tokens else None,
        "first_response_seconds": answers[0].response_seconds if answers else None,
        "average_response_seconds": fmean(seconds) if seconds else None,
        "quality_score": fmean(quality) if quality else None,
        "contribution_percent": _contribution_percent(record, participant.agent_id),
        "joined_at": min(times, default=None),
        "left_at": max(times, default=None),
    }


def _all_known(values: Iterable[Number | None]) -> list[Number]:
    """The values where each of them is known; nothing otherwise."""
    given = list(values)
    known = [value for value in given if value is not None]
    return known if len(known) == len(given) else []


def _contribution_percent(record: ConversationRecord, agent_id: str) -> float | None:
    """An agent's share of the last synthesis, where its weights are known."""
    if not record.syntheses:
        return None
    weights = _all_known(part.weight for part in record.syntheses[-1].contributions if part.agent_id == agent_id)
    return min(100.0, 100 * sum(weights)) if weights else None


def _insert(session: Session, table: type[Base], conversation_id: int, rows: Sequence[Row]) -> Sequence[int]:
    """Add `rows` to a conversation in one statement; their ids, in order, where the table has ids."""
    values = [row | {"conversation_id": conversation_id} for row in rows]
    if not values:
        return []
    column = table.__mapper__.primary_key[0]
    statement = insert(table).returning(column, sort_by_parameter_order=True)
    return session.scalars(statement, values).all()


def _columns_of(table: type[Base], values: Row) -> Row:
    """Those of `values` that have a column of their own in `table`."""
    return {name: value for name, value in values.items() if name in table.__mapper__.columns}
