"""Agents as the roster and an agent's own page show them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median

from sqlalchemy import case, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from helios_core.database.session import principal_of
from helios_core.errors import NotFound
from helios_core.models import (
    AgentConfiguration,
    AgentProfile,
    AgentResponse,
    AgentStatus,
    TaskDelegation,
    TaskDelegationStatus,
    User,
    Worker,
)
from helios_core.views.participants import named

SEEN = text("interval '8 s'")
"""Who was not seen for so long has ended; workers show themselves every two seconds."""
ANSWERS = 200
"""An agent's performance is that of so many of its newest answers."""
FEW_ANSWERS = 5
"""Of fewer answers than this no summary says anything."""


@dataclass(frozen=True, slots=True)
class Task:
    """What an agent has to do: the newest delegation to it that has not ended."""

    delegation_id: int
    conversation_id: int | None
    description: str
    is_waiting: bool
    since: datetime
    progress_percent: int | None


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent of the roster, as it is for the reader. Without a configuration the fields from it are None."""

    agent_id: str
    name: str
    description: str
    capabilities: tuple[str, ...]
    status: str
    status_since: datetime | None
    status_note: str | None
    last_active_at: datetime | None
    task: Task | None
    model_name: str | None
    model_provider: str | None
    gpu_id: int | None
    further_gpu_ids: tuple[int, ...]
    """The other cards, where it is on several at once."""
    allocated_memory_mb: int | None
    priority: int | None
    is_enabled: bool
    version: int | None
    is_own: bool
    """Whether the reader has a configuration of their own beside the default."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, in figures; what nobody measured is None."""

    created_at: datetime
    conversation_id: int | None
    delegation_id: int
    model_name: str | None
    response_seconds: float | None
    output_tokens: int | None
    tokens_per_second: float | None
    quality_score: float | None
    confidence_score: float | None


@dataclass(frozen=True, slots=True)
class Performance:
    """How an agent has done in its newest delegations and answers; a summary of too few answers is None."""

    delegations: Mapping[str, int]
    """How many of the newest delegations to it stand at each status."""
    answers: tuple[Answer, ...]
    """Newest first."""
    response_seconds_median: float | None
    tokens_per_second_median: float | None
    quality_score_mean: float | None
    confidence_score_mean: float | None


def list_agents(session: Session) -> tuple[Agent, ...]:
    """Every agent, in the order in which agents were added."""
    profiles = _profiles(session)
    configurations = _configurations(session)
    tasks = _tasks(session)
    if _nobody_works(session, profiles):
        profiles = {agent_id: [*map(_at_rest, rows)] for agent_id, rows in profiles.items()}
    agent_ids = [*configurations, *(agent_id for agent_id in profiles if agent_id not in configurations)]
    return tuple(
        _agent(agent_id, profiles.get(agent_id, []), configurations.get(agent_id), tasks.get(agent_id))
        for agent_id in agent_ids
    )


def find_agent(session: Session, agent_id: str) -> Agent:
    """One agent of the roster, or NotFound."""
    for agent in list_agents(session):
        if agent.agent_id == agent_id:
            return agent
    message = f"There is no agent {agent_id}."
    raise NotFound(message)


def performance(session: Session, agent_id: str) -> Performance:
    """How the agent has done, as far as the reader may see its work."""
    answers = _answers(session, agent_id)
    return Performance(
        delegations=_delegation_counts(session, agent_id),
        answers=answers,
        response_seconds_median=_summary([answer.response_seconds for answer in answers], median),
        tokens_per_second_median=_summary([answer.tokens_per_second for answer in answers], median),
        quality_score_mean=_summary([answer.quality_score for answer in answers], fmean),
        confidence_score_mean=_summary([answer.confidence_score for answer in answers], fmean),
    )


def _profiles(session: Session) -> dict[str, list[AgentProfile]]:
    """By agent: the profile that describes it to all, and the reader's own, which says what it does for them."""
    me = principal_of(session).user_id
    rows = session.scalars(
        select(AgentProfile)
        .where(or_(AgentProfile.user_id.is_(None), AgentProfile.user_id == me))
        .order_by(AgentProfile.user_id.nulls_first(), AgentProfile.id)
    )
    found: dict[str, list[AgentProfile]] = {}
    for row in rows:
        found.setdefault(row.agent_id, []).append(row)
    return found


def _configurations(session: Session) -> dict[str, AgentConfiguration]:
    """By agent: what holds for the reader. Operators work with the defaults."""
    principal = principal_of(session)
    own = None if principal.sees_all else principal.user_id
    rows = session.scalars(
        select(AgentConfiguration)
        .where(or_(AgentConfiguration.user_id.is_(None), AgentConfiguration.user_id == own))
        .order_by(AgentConfiguration.user_id.nulls_first(), AgentConfiguration.id)
    )
    return {row.agent_id: row for row in rows}


def _tasks(session: Session) -> dict[str, Task]:
    """By agent: the delegation that it works on, else the newest that waits for it."""
    in_progress = TaskDelegation.status == TaskDelegationStatus.IN_PROGRESS
    rows = session.scalars(
        select(TaskDelegation)
        .ext(distinct_on(TaskDelegation.target_agent_id))
        .where(TaskDelegation.status.in_([TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS]))
        .order_by(
            TaskDelegation.target_agent_id,
            case((in_progress, 0), else_=1),
            TaskDelegation.created_at.desc(),
        )
    )
    return {row.target_agent_id: _task(row) for row in rows}


def _task(row: TaskDelegation) -> Task:
    return Task(
        delegation_id=row.id,
        conversation_id=row.conversation_id,
        description=row.task_description,
        is_waiting=row.status is TaskDelegationStatus.PENDING,
        since=row.started_at or row.delegated_at or row.created_at,
        progress_percent=row.progress_percent,
    )


def _nobody_works(session: Session, profiles: Mapping[str, list[AgentProfile]]) -> bool:
    """Whether somebody seems to work, and every worker there was is gone, so that nobody could write that down."""
    if not any(row.status is AgentStatus.WORKING for rows in profiles.values() for row in rows):
        return False
    is_seen = Worker.ended_at.is_(None) & (Worker.seen_at > func.clock_timestamp() - SEEN)
    seen, known = session.execute(select(func.count().filter(is_seen), func.count()).select_from(Worker)).one()
    return bool(known and not seen)


def _at_rest(profile: AgentProfile) -> AgentProfile:
    """The profile as it is when nobody carries what its agent is at."""
    if profile.status is not AgentStatus.WORKING:
        return profile
    resting = AgentProfile(**{**profile.as_dict(), "status": AgentStatus.OFFLINE})
    resting.status_note = "No worker runs; start one with `helios up` or `helios work`."
    return resting


def _agent(
    agent_id: str, profiles: list[AgentProfile], configuration: AgentConfiguration | None, task: Task | None
) -> Agent:
    described, active = (profiles[0], profiles[-1]) if profiles else (None, None)
    is_enabled = configuration is None or configuration.is_enabled
    return Agent(
        agent_id=agent_id,
        name=named(agent_id, described.display_name if described else None),
        description=described.description if described else "",
        capabilities=tuple(map(str, described.capabilities)) if described else (),
        status=(active.status if active and is_enabled else AgentStatus.OFFLINE).value,
        status_since=active.status_since if active and is_enabled else None,
        status_note=(active.status_note if active else None) if is_enabled else "not enabled",
        last_active_at=active.last_active_at if active else None,
        task=task,
        model_name=configuration.assigned_llm if configuration else None,
        model_provider=configuration.model_provider.value if configuration else None,
        gpu_id=configuration.gpu_assignment if configuration else None,
        further_gpu_ids=tuple(configuration.further_gpu_ids) if configuration else (),
        allocated_memory_mb=configuration.allocated_memory_mb if configuration else None,
        priority=configuration.priority if configuration else None,
        is_enabled=is_enabled,
        version=configuration.version if configuration else None,
        is_own=configuration is not None and configuration.user_id is not None,
    )


def _answers(session: Session, agent_id: str) -> tuple[Answer, ...]:
    # A probe for each user whom the reader may see: the index leads with the user, and a rare agent costs no scan.
    newest = (
        select(AgentResponse)
        .where(AgentResponse.user_id == User.id, AgentResponse.agent_id == agent_id)
        .order_by(AgentResponse.created_at.desc())
        .limit(ANSWERS)
        .correlate(User)
        .lateral()
    )
    response = aliased(AgentResponse, newest)
    rows = session.scalars(
        select(response)
        .select_from(User)
        .join(newest, true())
        .order_by(response.created_at.desc(), response.id.desc())
        .limit(ANSWERS)
    )
    return tuple(map(_answer, rows))


def _answer(row: AgentResponse) -> Answer:
    decoding, tokens = row.decode_seconds, row.output_tokens
    return Answer(
        created_at=row.created_at,
        conversation_id=row.conversation_id,
        delegation_id=row.delegation_id,
        model_name=row.model_name,
        response_seconds=row.response_seconds,
        output_tokens=tokens,
        tokens_per_second=tokens / decoding if tokens is not None and decoding else None,
        quality_score=row.quality_score,
        confidence_score=row.confidence_score,
    )


def _delegation_counts(session: Session, agent_id: str) -> dict[str, int]:
    newest = (
        select(TaskDelegation.status, TaskDelegation.created_at)
        .where(TaskDelegation.user_id == User.id, TaskDelegation.target_agent_id == agent_id)
        .order_by(TaskDelegation.created_at.desc())
        .limit(ANSWERS)
        .correlate(User)
        .lateral()
    )
    rows = session.scalars(
        select(newest.c.status)
        .select_from(User)
        .join(newest, true())
        .order_by(newest.c.created_at.desc())
        .limit(ANSWERS)
    )
    counts: dict[str, int] = {}
    for status in rows:
        counts[status.value] = counts.get(status.value, 0) + 1
    return counts


def _summary(values: list[float | None], summarise: Callable[[list[float]], float]) -> float | None:
    known = [value for value in values if value is not None]
    return summarise(known) if len(known) >= FEW_ANSWERS else None
