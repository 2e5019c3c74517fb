"""What just happened, whoever did it: cards, delegations, answers, conversations, and changes by people."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.models import (
    AgentConfigurationVersion,
    AgentResponse,
    GPUEvent,
    MultiAgentConversation,
    TaskDelegation,
    User,
)
from helios_core.views.participants import named

AT_WORK = ("live", "rehearsal")
"""Sources of conversations whose rows are written when what they tell of happens."""


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, when, and the page that tells more. `severity` is None where nothing is good or bad about it."""

    key: str
    at: datetime
    who: str
    what: str
    severity: str | None
    page: str
    selection: tuple[tuple[str, str], ...]


def events(session: Session, limit: int = 8) -> tuple[Event, ...]:
    """The newest events, newest first."""
    sources = (_of_cards, _of_delegations, _of_responses, _of_conversations, _of_configurations)
    found = chain.from_iterable(source(session, limit) for source in sources)
    return tuple(sorted(found, key=lambda event: (event.at, event.key), reverse=True)[:limit])


def _of_cards(session: Session, limit: int) -> Iterable[Event]:
    rows = session.scalars(select(GPUEvent).order_by(GPUEvent.occurred_at.desc()).limit(limit))
    for row in rows:
        who = "Collector" if row.gpu_id is None else f"GPU {row.gpu_id}"
        chosen = () if row.gpu_id is None else (("gpu", str(row.gpu_id)),)
        yield Event(f"card-{row.id}", row.occurred_at, who, row.message, row.severity, "gpus", chosen)


def _of_delegations(session: Session, limit: int) -> Iterable[Event]:
    rows = session.execute(
        select(TaskDelegation, MultiAgentConversation.id)
        .join(MultiAgentConversation, MultiAgentConversation.id == TaskDelegation.conversation_id)
        .where(MultiAgentConversation.source.in_(AT_WORK))
        .order_by(TaskDelegation.created_at.desc())
        .limit(limit)
    )
    for row, _ in rows:
        what = f"asked {named(row.target_agent_id)}: {row.task_description}"
        chosen = (("delegation", str(row.id)),)
        yield Event(f"task-{row.id}", row.created_at, named(row.pm_agent_id), what, None, "delegations", chosen)


def _of_responses(session: Session, limit: int) -> Iterable[Event]:
    rows = session.execute(
        select(AgentResponse.id, AgentResponse.agent_id, AgentResponse.created_at, TaskDelegation)
        .join(TaskDelegation, TaskDelegation.id == AgentResponse.delegation_id)
        .join(MultiAgentConversation, MultiAgentConversation.id == AgentResponse.conversation_id)
        .where(MultiAgentConversation.source.in_(AT_WORK))
        .order_by(AgentResponse.created_at.desc())
        .limit(limit)
    )
    for response_id, agent_id, at, task in rows:
        chosen = (("delegation", str(task.id)),)
        what = f"answered: {task.task_description}"
        yield Event(f"response-{response_id}", at, named(agent_id), what, None, "delegations", chosen)


def _of_conversations(session: Session, limit: int) -> Iterable[Event]:
    rows = session.scalars(
        select(MultiAgentConversation).order_by(MultiAgentConversation.created_at.desc()).limit(limit)
    )
    verbs = {"import": "imported", "sample": "loaded the sample", "rehearsal": "began to rehearse"}
    for row in rows:
        who = named(row.pm_agent_id or "project_manager") if row.source in AT_WORK else "Helios"
        what = f"{verbs.get(row.source, 'took up')} “{row.title}”"
        chosen = (("conversation", str(row.id)),)
        yield Event(f"conversation-{row.id}", row.created_at, who, what, None, "conversations", chosen)


def _of_configurations(session: Session, limit: int) -> Iterable[Event]:
    rows = session.execute(
        select(AgentConfigurationVersion, User.username)
        .join(User, User.id == AgentConfigurationVersion.changed_by)
        .where(AgentConfigurationVersion.version > 1)
        .order_by(AgentConfigurationVersion.created_at.desc())
        .limit(limit)
    )
    for row, username in rows:
        what = f"saved version {row.version} of {named(row.agent_id)}" + (f": {row.reason}" if row.reason else "")
        chosen = (("agent", row.agent_id),)
        yield Event(f"version-{row.id}", row.created_at, username, what, None, "agents", chosen)
