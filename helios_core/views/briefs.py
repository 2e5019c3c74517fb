"""A brief: what a worker has to know of a conversation to carry it on from wherever it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from helios_core.database.sending import Asked, ask
from helios_core.models import AgentResponse, ConversationPhase, ModelProvider, TaskDelegation, TaskDelegationStatus
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
    gpu_ids: tuple[int, ...]
    """The cards that it works on: those promised to it, else those it prefers; without one it needs no slot."""


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
    priority: int
    """From 1 to 10; above or below the usual 5, it lifts or lowers the priority of each task by as much."""
    plan: str | None = None
    """The newest plan in the PM's words, where the experts' work is over."""
    work: "Work | None" = None
    """The tasks as they stood when they were last looked at; None: look."""
    is_over: bool = False

    @property
    def of(self) -> tuple[int, int, UUID | None]:
        """The conversation, its user and its chat."""
        return self.conversation_id, self.user_id, self.chat_id


BRIEF = text(
    "SELECT c.id, c.user_id, c.session_id, coalesce(nullif(c.question, ''), c.title) AS question, c.current_phase, "
    "coalesce(c.pm_agent_id, 'project_manager') AS pm_agent_id, c.source, c.attributes, "
    "run.paused_at IS NOT NULL AS is_paused, run.priority, "
    "ARRAY(SELECT content FROM task_synthesis WHERE conversation_id = c.id ORDER BY id) AS syntheses, "
    "CASE WHEN c.current_phase = 'synthesis' THEN (SELECT content FROM conversation_messages "
    " WHERE conversation_id = c.id AND kind = 'plan' ORDER BY position DESC LIMIT 1) END AS plan "
    "FROM multi_agent_conversations c JOIN conversation_runs run ON run.conversation_id = c.id "
    "WHERE c.id = :conversation"
)


def brief(session: Session, conversation_id: int) -> Callable[[], Brief]:
    """Ask for a conversation as it stands; the answer is read once it is looked at."""
    session.flush()
    conversation, seats = ask(session, BRIEF, {"conversation": conversation_id}), _ask_seats(session, conversation_id)
    return lambda: _brief(session, conversation, seats)


def _brief(session: Session, conversation: Asked, asked: Asked) -> Brief:
    found, seats = conversation.one(), {row.agent_id: _seat(row) for row in asked.all() if row.is_enabled}
    phase = ConversationPhase(found.current_phase)
    chosen = found.attributes.get("team")
    experts = (agent for agent in seats if agent != found.pm_agent_id and (chosen is None or agent in chosen))
    return Brief(
        conversation_id=found.id,
        user_id=found.user_id,
        chat_id=found.session_id,
        question=found.question,
        phase=phase,
        pm_agent_id=found.pm_agent_id,
        seats=seats,
        experts=tuple(experts),
        syntheses=tuple(found.syntheses),
        changes=tuple(found.attributes.get("review_changes", ())),
        is_rehearsal=found.source == "rehearsal",
        is_paused=found.is_paused,
        priority=found.priority,
        plan=found.plan,
        work=work(session, found.id) if phase in WORKED else None,
    )


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


SEATS = text(
    "SELECT DISTINCT ON (c.agent_id) c.agent_id, c.assigned_llm, c.model_provider, c.system_prompt, c.temperature, "
    "c.context_tokens, c.timeout_seconds, c.max_retries, c.priority, c.is_enabled, profile.display_name AS name, "
    "profile.description, "
    "coalesce((SELECT array_agg(gpu_id ORDER BY gpu_id = c.gpu_assignment DESC NULLS LAST, gpu_id) "
    " FROM gpu_allocations promise WHERE released_at IS NULL "
    " AND coalesce(promise.configuration_id, promise.default_configuration_id) = c.id), "
    " array_remove(c.gpu_assignment || c.further_gpu_ids, NULL)) AS gpu_ids "
    "FROM agent_configurations c "
    "LEFT JOIN agent_profiles profile ON profile.user_id IS NULL AND profile.agent_id = c.agent_id "
    "WHERE c.user_id = (SELECT user_id FROM multi_agent_conversations WHERE id = :conversation) OR c.user_id IS NULL "
    "ORDER BY c.agent_id, c.user_id NULLS LAST"
)


def _ask_seats(session: Session, conversation_id: int) -> Asked:
    """Every agent, with the user's own configuration or else the default."""
    with everybodys_rows(session):
        return ask(session, SEATS, {"conversation": conversation_id})


def _seat(row: Row[Any]) -> Seat:
    provider = ModelProvider(row.model_provider)
    return Seat(
        agent_id=row.agent_id,
        name=row.name or named(row.agent_id),
        description=row.description or "",
        model_name=row.assigned_llm,
        model_provider=provider,
        system_prompt=row.system_prompt,
        temperature=row.temperature,
        context_tokens=row.context_tokens,
        timeout_seconds=row.timeout_seconds,
        max_retries=row.max_retries,
        priority=row.priority,
        gpu_ids=tuple(dict.fromkeys(row.gpu_ids)) if provider in LOCAL else (),
    )
