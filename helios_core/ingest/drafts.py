"""A conversation while a file of another framework is being read: said, delegated, answered, one after the other."""

from dataclasses import dataclass, field
from datetime import datetime

from helios_core.models import ConversationPhase, TaskDelegationStatus
from helios_core.services.records import (
    Attributes,
    ContributionRecord,
    ConversationRecord,
    DelegationRecord,
    MessageKind,
    MessageRecord,
    Outcome,
    ParticipantRecord,
    PhaseRecord,
    ResponseRecord,
    SynthesisRecord,
)

TITLE_LENGTH = 90
UNANSWERED = "The file records no response; the conversation went on without one."


@dataclass
class Draft:
    """The parts of a record, in the order in which the file gives them."""

    pm_agent_id: str | None = None
    participants: dict[str, ParticipantRecord] = field(default_factory=dict)
    messages: list[MessageRecord] = field(default_factory=list)
    delegations: list[DelegationRecord] = field(default_factory=list)
    responses: list[ResponseRecord] = field(default_factory=list)
    syntheses: list[SynthesisRecord] = field(default_factory=list)
    phases: list[PhaseRecord] = field(default_factory=list)

    def join(self, agent_id: str, role: str = "expert", *, model_name: str | None = None) -> None:
        """Let an agent take part, once."""
        self.participants.setdefault(agent_id, ParticipantRecord(agent_id=agent_id, role=role, model_name=model_name))

    def say(
        self,
        speaker: str,
        kind: MessageKind,
        content: str,
        *,
        addressee: str | None = None,
        delegation: int | None = None,
        phase: ConversationPhase | None = None,
        tokens: tuple[int | None, int | None] = (None, None),
        at: datetime | None = None,
    ) -> int:
        """Add a message, and return its position."""
        self.messages.append(
            MessageRecord(
                speaker=speaker,
                addressee=addressee,
                kind=kind,
                phase=phase,
                content=content,
                delegation=delegation,
                input_tokens=tokens[0],
                output_tokens=tokens[1],
                occurred_at=at,
            )
        )
        return len(self.messages) - 1

    def delegate(
        self, pm: str, target: str, directive: str, *, task: str, position: int, at: datetime | None = None
    ) -> int:
        """Add a delegation, and return its index. It counts as cancelled until there is a response."""
        self.delegations.append(
            DelegationRecord(
                pm_agent_id=pm,
                target_agent_id=target,
                task_description=task,
                delegation_directive=directive,
                status=TaskDelegationStatus.CANCELLED,
                error_message=UNANSWERED,
                position=position,
                delegated_at=at,
                started_at=at,
            )
        )
        return len(self.delegations) - 1

    def respond(
        self, position: int, *, model_name: str | None = None, started_at: datetime | None = None
    ) -> ResponseRecord:
        """Take the message at `position` as a response to its delegation, which is completed by it."""
        message = self.messages[position]
        if message.delegation is None:
            raise ValueError("only a message of a delegation can be its response")
        delegation = self.delegations[message.delegation]
        self.delegations[message.delegation] = delegation.model_copy(
            update={
                "status": TaskDelegationStatus.COMPLETED,
                "error_message": None,
                "completed_at": not_before(delegation.started_at, message.occurred_at),
            }
        )
        completed_at = message.occurred_at
        started_at = started_at if not_before(started_at, completed_at) else None
        response = ResponseRecord(
            delegation=message.delegation,
            agent_id=message.speaker,
            content=message.content,
            model_name=model_name,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            response_seconds=seconds_between(started_at, completed_at),
            position=position,
            started_at=started_at,
            completed_at=completed_at,
        )
        self.responses.append(response)
        return response

    def conclude(self, synthesizer: str, content: str, position: int) -> None:
        """Add the synthesis of all responses so far; what each of them weighs in it is not known."""
        self.syntheses.append(
            SynthesisRecord(
                synthesizer_agent_id=synthesizer,
                content=content,
                contributions=tuple(
                    ContributionRecord(response=index, agent_id=response.agent_id)
                    for index, response in enumerate(self.responses)
                ),
                position=position,
            )
        )

    def record(
        self, *, title: str, question: str | None, outcome: Outcome, outcome_reason: str | None, attributes: Attributes
    ) -> ConversationRecord:
        """The finished record. It began with the first message whose time is known, and ended with the last."""
        times = [message.occurred_at for message in self.messages if message.occurred_at is not None]
        return ConversationRecord(
            title=title,
            question=question,
            pm_agent_id=self.pm_agent_id,
            outcome=outcome,
            outcome_reason=outcome_reason,
            started_at=min(times, default=None),
            ended_at=max(times, default=None),
            attributes=attributes,
            participants=tuple(self.participants.values()),
            phases=tuple(self.phases),
            messages=tuple(self.messages),
            delegations=tuple(self.delegations),
            responses=tuple(self.responses),
            syntheses=tuple(self.syntheses),
        )


def not_before(start: datetime | None, end: datetime | None) -> datetime | None:
    """`end`, unless the clock was set back after `start`: then nobody knows it."""
    return None if start is not None and end is not None and end < start else end


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """The time from `start` to `end`, where both are known."""
    return None if start is None or end is None else (end - start).total_seconds()


def title_of(text: str) -> str:
    """The first line of a text, short enough for a list; there is always one."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "Untitled conversation")
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
