"""A stored conversation as a record again: what an import gave, an export gives back."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound, Refused
from helios_core.models import (
    AgentParticipation,
    AgentResponse,
    ConversationMessage,
    ConversationPhaseSpan,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    TaskSynthesis,
)
from helios_core.models.base import Base
from helios_core.services.records import (
    PERSON,
    ContributionRecord,
    ConversationRecord,
    DelegationRecord,
    Frozen,
    MessageRecord,
    ParticipantRecord,
    PhaseRecord,
    ResponseRecord,
    SynthesisRecord,
    dump,
)

Part = TypeVar("Part", AgentParticipation, AgentResponse, TaskDelegation, TaskSynthesis)
Positioned = TypeVar("Positioned", ConversationMessage, ConversationPhaseSpan)
Indexes = Mapping[int | None, int]
UNDER_WAY = {TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS}


def export_record(session: Session, conversation_id: int) -> ConversationRecord:
    """The record of a conversation that has ended."""
    conversation = session.get(MultiAgentConversation, conversation_id)
    if conversation is None:
        raise NotFound(f"There is no conversation {conversation_id}.")
    delegations = _parts(session, TaskDelegation, conversation_id)
    if conversation.outcome is None or any(delegation.status in UNDER_WAY for delegation in delegations):
        raise Refused("The conversation is under way; export it when it has ended.")
    responses = _parts(session, AgentResponse, conversation_id)
    messages = _positioned(session, ConversationMessage, conversation_id)
    delegation_indexes, response_indexes = _indexes(delegations), _indexes(responses)
    return ConversationRecord(
        **_fields(ConversationRecord, conversation),
        participants=_participants(session, conversation, messages, delegations),
        phases=tuple(
            PhaseRecord(**_fields(PhaseRecord, phase))
            for phase in _positioned(session, ConversationPhaseSpan, conversation_id)
        ),
        messages=tuple(_message(message, delegation_indexes) for message in messages),
        delegations=_delegations(session, delegations, delegation_indexes),
        responses=tuple(_response(response, delegation_indexes) for response in responses),
        syntheses=tuple(
            _synthesis(synthesis, response_indexes) for synthesis in _parts(session, TaskSynthesis, conversation_id)
        ),
    )


def _participants(
    session: Session,
    conversation: MultiAgentConversation,
    messages: Sequence[ConversationMessage],
    delegations: Sequence[TaskDelegation],
) -> tuple[ParticipantRecord, ...]:
    """Who took part; also who only spoke or was only asked, where the conversation ended before that was measured."""
    known = _parts(session, AgentParticipation, conversation.id)
    named = [conversation.pm_agent_id, *(message.speaker for message in messages)]
    named += [agent for task in delegations for agent in (task.pm_agent_id, task.target_agent_id)]
    others = dict.fromkeys(agent for agent in named if agent is not None and agent != PERSON)
    for participation in known:
        others.pop(participation.agent_id, None)
    return (
        *(ParticipantRecord(**_fields(ParticipantRecord, participation)) for participation in known),
        *(ParticipantRecord(agent_id=agent) for agent in others),
    )


def export_file(session: Session, conversation_id: int) -> str:
    """A conversation that has ended, as a file that `helios import` reads."""
    return dump(export_record(session, conversation_id))


def _parts(session: Session, table: type[Part], conversation_id: int) -> Sequence[Part]:
    return session.scalars(select(table).where(table.conversation_id == conversation_id).order_by(table.id)).all()


def _positioned(session: Session, table: type[Positioned], conversation_id: int) -> Sequence[Positioned]:
    return session.scalars(select(table).where(table.conversation_id == conversation_id).order_by(table.position)).all()


def _indexes(parts: Sequence[Part]) -> Indexes:
    """Each part's place among its kind, by its id."""
    return {part.id: index for index, part in enumerate(parts)}


def _fields(record: type[Frozen], row: Base) -> dict[str, Any]:
    """The columns of `row` that the record has a field for."""
    return {name: value for name, value in row.as_dict().items() if name in record.model_fields}


def _message(message: ConversationMessage, delegations: Indexes) -> MessageRecord:
    return MessageRecord(**_fields(MessageRecord, message), delegation=delegations.get(message.delegation_id))


def _delegations(
    session: Session, delegations: Sequence[TaskDelegation], indexes: Indexes
) -> tuple[DelegationRecord, ...]:
    cards = dict(session.execute(select(GPUResource.id, GPUResource.uuid)).all())
    return tuple(
        DelegationRecord(
            **_fields(DelegationRecord, delegation)
            | {
                "requirements": tuple(delegation.requirements),
                "retry_of": indexes.get(delegation.retry_of),
                "gpu_uuid": None if delegation.gpu_id is None else cards[delegation.gpu_id],
            }
        )
        for delegation in delegations
    )


def _response(response: AgentResponse, delegations: Indexes) -> ResponseRecord:
    return ResponseRecord(**_fields(ResponseRecord, response), delegation=delegations[response.delegation_id])


def _synthesis(synthesis: TaskSynthesis, responses: Indexes) -> SynthesisRecord:
    contributions = tuple(
        ContributionRecord(
            response=responses[part["response_id"]], agent_id=part["agent_id"], weight=part.get("weight")
        )
        for part in synthesis.contributions
        if part.get("response_id") in responses
    )
    fields = _fields(SynthesisRecord, synthesis)
    return SynthesisRecord(**fields | {"contributions": contributions, "conflicts": tuple(synthesis.conflicts)})
