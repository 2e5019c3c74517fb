"""A brief: what a worker has to know of a conversation to carry it on from wherever it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from helios_core.models import (
    AgentConfiguration,
    AgentProfile,
    AgentResponse,
    ConversationMessage,
    ConversationPhase,
    ConversationRun,
    GPUAllocation,
    ModelProvider,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    TaskSynthesis,
)
from helios_core.services.everybody import everybodys_rows
from helios_core.views.participants import named

WORKED = (ConversationPhase.DELEGATION, ConversationPhase.PROCESSING)
"""The phases in which the tasks say what is to do next."""
LOCAL = (ModelProvider.OLLAMA,)
"""Whose models run on our own cards."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent as it is configured for the conversation's user."""

    agent_id: str
    name: str
    description: str
    model_name: str
    model_provider: ModelProvider
    system_prompt: str
    temperature: float | None
    context_tokens: int | None
    timeout_seconds: int
    max_retries: int
    priority: int
    gpu_id: int | None
    """The card that it works on: the one that is promised to it, else the one it prefers; None needs no card's slot."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delegation. `place` is its task's among all tasks of the conversation, `depends_on` are others' places."""

    delegation_id: int
    place: int
    depends_on: tuple[int, ...]
    agent_id: str
    task: str
    directive: str
    given: str | None
    requirements: tuple[str, ...]
    review_round: int
    status: TaskDelegationStatus
    attempt: int
    priority: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expert answered to an attempt. `is_scored`: by a judge."""

    response_id: int
    delegation_id: int
    agent_id: str
    content: str
    model_name: str | None
    is_scored: bool


@dataclass(frozen=True, slots=True)
class Work:
    """The tasks of a conversation and what came of them, as far as it is written."""

    attempts: tuple[Attempt, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """A conversation, its team, and how far it is."""

    conversation_id: int
    user_id: int
    chat_id: UUID | None
    question: str
    phase: ConversationPhase
    pm_agent_id: str
    seats: Mapping[str, Seat]
    """The agents that are switched on, the PM among them, by their ids."""
    experts: tuple[str, ...]
    """Whom the PM may address."""
    syntheses: tuple[str, ...]
    """What was made of the responses, the newest last."""
    changes: tuple[str, ...]
    """What the review asks for, where it has sent the conversation back."""
    is_rehearsal: bool
    is_paused: bool
    plan: str | None = None
    """The newest plan in the PM's words, where the experts' work is over."""
    work: "Work | None" = None
    """The tasks as they stood when they were last looked at; None: look."""
    is_over: bool = False

    @property
    def of(self) -> tuple[int, int, UUID | None]:
        """The conversation, its user and its chat."""
        return self.conversation_id, self.user_id, self.chat_id


def brief(session: Session, conversation_id: int) -> Brief:
    """The conversation as it stands."""
    conversation = session.get_one(MultiAgentConversation, conversation_id, populate_existing=True)
    pm_agent_id = conversation.pm_agent_id or "project_manager"
    seats = _seats(session, conversation.user_id)
    chosen = conversation.attributes.get("team")
    experts = (agent for agent in seats if agent != pm_agent_id and (chosen is None or agent in chosen))
    syntheses = session.scalars(
        select(TaskSynthesis.content).where(TaskSynthesis.conversation_id == conversation_id).order_by(TaskSynthesis.id)
    )
    return Brief(
        conversation_id=conversation.id,
        user_id=conversation.user_id,
        chat_id=conversation.session_id,
        question=conversation.question or conversation.title,
        phase=conversation.current_phase,
        pm_agent_id=pm_agent_id,
        seats=seats,
        experts=tuple(experts),
        syntheses=tuple(syntheses),
        changes=tuple(conversation.attributes.get("review_changes", ())),
        is_rehearsal=conversation.source == "rehearsal",
        is_paused=_is_paused(session, conversation_id),
        plan=_plan(session, conversation),
        work=work(session, conversation_id) if conversation.current_phase in WORKED else None,
    )


def _is_paused(session: Session, conversation_id: int) -> bool:
    paused_at = select(ConversationRun.paused_at).where(ConversationRun.conversation_id == conversation_id)
    return session.scalar(paused_at) is not None


def _plan(session: Session, conversation: MultiAgentConversation) -> str | None:
    if conversation.current_phase is not ConversationPhase.SYNTHESIS:
        return None
    plans = select(ConversationMessage.content).where(
        ConversationMessage.conversation_id == conversation.id, ConversationMessage.kind == "plan"
    )
    return session.scalar(plans.order_by(ConversationMessage.position.desc()).limit(1))


def work(session: Session, conversation_id: int) -> Work:
    """The tasks of the conversation as they stand."""
    attempts = session.scalars(
        select(TaskDelegation)
        .where(TaskDelegation.conversation_id == conversation_id)
        .order_by(TaskDelegation.id)
        .execution_options(populate_existing=True)
    )
    answers = session.scalars(
        select(AgentResponse).where(AgentResponse.conversation_id == conversation_id).order_by(AgentResponse.id)
    )
    return Work(tuple(map(_attempt, attempts)), tuple(map(_answer, answers)))


def _attempt(row: TaskDelegation) -> Attempt:
    return Attempt(
        delegation_id=row.id,
        place=row.context["place"],
        depends_on=tuple(row.context["depends_on"]),
        agent_id=row.target_agent_id,
        task=row.task_description,
        directive=row.delegation_directive or row.task_description,
        given=row.context.get("given"),
        requirements=tuple(row.requirements),
        review_round=row.context.get("review_round", 0),
        status=row.status,
        attempt=row.attempt,
        priority=row.priority,
    )


def _answer(row: AgentResponse) -> Answer:
    return Answer(
        response_id=row.id,
        delegation_id=row.delegation_id,
        agent_id=row.agent_id,
        content=row.content,
        model_name=row.model_name,
        is_scored=row.quality_score is not None,
    )


def _seats(session: Session, user_id: int) -> dict[str, Seat]:
    """The agents that are switched on, each with the user's own configuration or else the default."""
    configurations = session.scalars(
        select(AgentConfiguration)
        .where(or_(AgentConfiguration.user_id == user_id, AgentConfiguration.user_id.is_(None)))
        .order_by(AgentConfiguration.agent_id, AgentConfiguration.user_id.nulls_last())
        .ext(distinct_on(AgentConfiguration.agent_id))
    ).all()
    profiles = {
        row.agent_id: row for row in session.scalars(select(AgentProfile).where(AgentProfile.user_id.is_(None)))
    }
    cards = _promised_cards(session, [row.id for row in configurations])
    return {
        row.agent_id: _seat(row, profiles.get(row.agent_id), cards.get(row.id, row.gpu_assignment))
        for row in configurations
        if row.is_enabled
    }


def _promised_cards(session: Session, configuration_ids: list[int]) -> dict[int, int]:
    """The card that is promised to each of these configurations."""
    promises = GPUAllocation.__table__.c
    configuration_id = func.coalesce(promises.configuration_id, promises.default_configuration_id)
    live = select(configuration_id, promises.gpu_id).where(
        configuration_id.in_(configuration_ids), promises.released_at.is_(None)
    )
    with everybodys_rows(session):
        return dict(session.execute(live).all())


def _seat(row: AgentConfiguration, profile: AgentProfile | None, gpu_id: int | None) -> Seat:
    return Seat(
        agent_id=row.agent_id,
        name=named(row.agent_id) if profile is None else profile.display_name,
        description="" if profile is None else profile.description,
        model_name=row.assigned_llm,
        model_provider=row.model_provider,
        system_prompt=row.system_prompt,
        temperature=row.temperature,
        context_tokens=row.context_tokens,
        timeout_seconds=row.timeout_seconds,
        max_retries=row.max_retries,
        priority=row.priority,
        gpu_id=gpu_id if row.model_provider in LOCAL else None,
    )
