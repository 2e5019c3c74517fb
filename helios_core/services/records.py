"""A whole conversation as one value: what imports give, what exports take, and Helios's own file format.

References inside a record are positions in its lists: `ResponseRecord.delegation` is an index of `delegations`, and
every `position` is the index of the message where the thing stands in the transcript. So a record means the same in
every database. What nobody recorded is None, never 0.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeFloat,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from helios_core.models import ConversationPhase, ModelProvider, TaskDelegationStatus

FAMILY = "helios-conversation/"
FORMAT = f"{FAMILY}1"
"""What a file of ours says that it is."""
PERSON = "user"
"""The speaker who is no agent: the person who asked."""

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

Outcome = Literal["completed", "failed", "cancelled", "timeout"]
MessageKind = Literal["question", "plan", "thought", "directive", "response", "synthesis", "review", "tool", "note"]


def in_living_memory(moment: datetime) -> datetime:
    """Refuse a time that no conversation of agents can have, and that no calendar could be shifted from."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError("a time between the years 1970 and 2200, in UTC, is expected")
    return moment


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Moment = Annotated[AwareDatetime, AfterValidator(in_living_memory)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
Attributes = dict[str, JsonValue]


class Frozen(BaseModel):
    """A part of a record: it does not change, and knows no field that is not named here."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Spanning(Frozen):
    """Something that may have a beginning and an end."""

    @field_validator("ended_at", "completed_at", check_fields=False)
    @classmethod
    def end_follows_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        """Refuse an end before the start."""
        start = info.data.get("started_at")
        if end is not None and start is not None and end < start:
            raise ValueError(f"the end must not lie before the start, {start.isoformat()}")
        return end


class ParticipantRecord(Frozen):
    """An agent that takes part. What it contributed is counted from the messages and responses."""

    agent_id: Name
    display_name: str | None = None
    role: Name = "expert"
    model_name: str | None = None


class MessageRecord(Frozen):
    """One message of the transcript."""

    speaker: Name
    addressee: Name | None = None
    kind: MessageKind
    phase: ConversationPhase | None = None
    content: str
    delegation: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    occurred_at: Moment | None = None


class DelegationRecord(Spanning):
    """One task from the PM to one expert. `retry_of` is the index of an earlier delegation."""

    pm_agent_id: Name
    target_agent_id: Name
    task_description: str
    delegation_directive: str | None = None
    requirements: tuple[str, ...] = ()
    context: Attributes = {}
    status: TaskDelegationStatus
    progress_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    priority: Annotated[int, Field(ge=1, le=10)] = 5
    position: Count | None = None
    attempt: Annotated[int, Field(ge=1, le=1000)] = 1
    retry_of: Count | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    gpu_id: Count | None = None
    gpu_uuid: str | None = None
    """Which card it was, on whatever machine: an id alone names another card elsewhere."""
    error_message: str | None = None
    delegated_at: Moment | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None

    @field_validator("status")
    @classmethod
    def has_ended(cls, status: TaskDelegationStatus) -> TaskDelegationStatus:
        """Refuse what would look like work under way, for ever."""
        if status in {TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS}:
            raise ValueError("a conversation that has ended has no delegation under way")
        return status


class ResponseRecord(Spanning):
    """What an expert answered to a delegation. The durations split the time that the answer took."""

    delegation: Count
    agent_id: Name
    content: str
    structured: Attributes = {}
    model_name: str | None = None
    model_provider: ModelProvider | None = None
    confidence_score: Share | None = None
    quality_score: Share | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    response_seconds: NonNegativeFloat | None = None
    queue_seconds: NonNegativeFloat | None = None
    load_seconds: NonNegativeFloat | None = None
    prefill_seconds: NonNegativeFloat | None = None
    decode_seconds: NonNegativeFloat | None = None
    tool_seconds: NonNegativeFloat | None = None
    position: Count | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None


class ContributionRecord(Frozen):
    """What one response, by its index, gave to a synthesis."""

    response: Count
    agent_id: Name
    weight: Share | None = None


class SynthesisRecord(Frozen):
    """What the PM made of the responses."""

    synthesizer_agent_id: Name
    content: str
    contributions: tuple[ContributionRecord, ...] = ()
    conflicts: tuple[Attributes, ...] = ()
    minority_report: str | None = None
    consensus_score: Share | None = None
    quality_score: Share | None = None
    effective_votes: NonNegativeFloat | None = None
    position: Count | None = None


class PhaseRecord(Spanning):
    """One stay in one phase; `label` is what the source calls it."""

    phase: ConversationPhase
    label: str | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None


class ConversationRecord(Spanning):
    """One conversation that has ended, with all that is known of it.

    `attributes` holds what only some sources know, by names that readers may rely on: `framework`, `zone` ("unknown"
    where times had none), `system_prompts` (agent to prompt), `claims` (a list of `{"claim": …, "stances": {agent:
    "for" | "against" | "qualified"}}`), `ground_truth`, `mistake_agent`, `mistake_step` (a position), `mistake_reason`.
    """

    title: Name
    question: str | None = None
    pm_agent_id: Name | None = None
    outcome: Outcome
    outcome_reason: str | None = None
    consensus_score: Share | None = None
    satisfaction_rating: Annotated[float, Field(ge=1, le=5)] | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    attributes: Attributes = {}
    participants: tuple[ParticipantRecord, ...]
    phases: tuple[PhaseRecord, ...] = ()
    messages: tuple[MessageRecord, ...]
    delegations: tuple[DelegationRecord, ...] = ()
    responses: tuple[ResponseRecord, ...] = ()
    syntheses: tuple[SynthesisRecord, ...] = ()

    @property
    def last_phase(self) -> ConversationPhase:
        """Where the conversation stood at its end."""
        if self.phases:
            return self.phases[-1].phase
        return ConversationPhase.COMPLETION if self.outcome == "completed" else ConversationPhase.INITIALIZATION

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        """Refuse a record whose parts point at nothing, and say which."""
        for fault in (*self._strangers(), *self._dangling()):
            raise ValueError(fault)
        return self

    def _strangers(self) -> Iterator[str]:
        """Agents that speak, delegate or answer without taking part, or that take part twice."""
        ids = Counter(participant.agent_id for participant in self.participants)
        yield from (f"participants: {agent} is there twice" for agent, times in ids.items() if times > 1)
        for place, agent in self._named_agents():
            if agent is not None and agent not in ids and agent != PERSON:
                yield f"{place}: {agent} is none of the participants"

    def _named_agents(self) -> Iterator[tuple[str, str | None]]:
        yield "pm_agent_id", self.pm_agent_id
        for index, message in enumerate(self.messages):
            yield f"messages[{index}].speaker", message.speaker
        for index, delegation in enumerate(self.delegations):
            yield f"delegations[{index}].pm_agent_id", delegation.pm_agent_id
            yield f"delegations[{index}].target_agent_id", delegation.target_agent_id
        for index, response in enumerate(self.responses):
            yield f"responses[{index}].agent_id", response.agent_id
        for index, synthesis in enumerate(self.syntheses):
            yield f"syntheses[{index}].synthesizer_agent_id", synthesis.synthesizer_agent_id

    def _dangling(self) -> Iterator[str]:
        """References that no list holds."""
        for place, reference, size in self._references():
            if reference is not None and reference >= size:
                yield f"{place}: {reference} is too large, there are {size} of them, counted from 0"

    def _references(self) -> Iterator[tuple[str, int | None, int]]:
        """Each reference with its place, and how many things it may choose from."""
        messages, delegations, responses = len(self.messages), len(self.delegations), len(self.responses)
        for index, message in enumerate(self.messages):
            yield f"messages[{index}].delegation", message.delegation, delegations
        for index, delegation in enumerate(self.delegations):
            yield f"delegations[{index}].retry_of", delegation.retry_of, index
            yield f"delegations[{index}].position", delegation.position, messages
        for index, response in enumerate(self.responses):
            yield f"responses[{index}].delegation", response.delegation, delegations
            yield f"responses[{index}].position", response.position, messages
        for index, synthesis in enumerate(self.syntheses):
            yield f"syntheses[{index}].position", synthesis.position, messages
            for part, contribution in enumerate(synthesis.contributions):
                yield f"syntheses[{index}].contributions[{part}].response", contribution.response, responses

    def shifted(self, by: timedelta) -> "ConversationRecord":
        """The same conversation at another time."""
        return ConversationRecord.model_validate(moved(self.model_dump(), by))


def moved(value: object, by: timedelta) -> object:
    """`value` with every time in it later by `by`."""
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, dict):
        return {key: moved(part, by) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(moved(part, by) for part in value)
    return value


def dump(record: ConversationRecord) -> str:
    """The record as a file of ours, with its format. What is unknown is left out."""
    return json.dumps(
        {"format": FORMAT, **record.model_dump(mode="json", exclude_defaults=True)}, ensure_ascii=False, indent=2
    )
