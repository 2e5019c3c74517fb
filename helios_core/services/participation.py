"""What each agent contributed: to a conversation, as its participation; over all of them, as the user's profile of it.

What a part of was not measured stays None, rather than a sum of the rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, TypeVar

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.measures.scores import OVERALL
from helios_core.models import (
    AgentParticipation,
    AgentProfile,
    AgentResponse,
    ConversationMessage,
    MultiAgentConversation,
    QualityScore,
    TaskDelegation,
    TaskSynthesis,
)
from helios_core.services.permissions import Action, require
from helios_core.services.records import PERSON

Number = TypeVar("Number", int, float)
UNCOUNTED = ("directive", "note")
"""Messages that are parts of another one: a directive is a part of its plan, and costs no tokens of its own."""


@dataclass
class _Share:
    """What one agent said and answered in one conversation."""

    messages: list[ConversationMessage] = field(default_factory=list)
    responses: list[AgentResponse] = field(default_factory=list)


def measure_participations(session: Session, conversation_id: int) -> None:
    """Bring the participations of a conversation in step with its messages, responses, scores and last synthesis."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    conversation = session.get(MultiAgentConversation, conversation_id)
    if conversation is None:
        raise NotFound(f"There is no conversation {conversation_id}.")
    session.flush()
    percents = _contributions(session, conversation_id)
    alike: dict[frozenset[str], list[dict[str, Any]]] = defaultdict(list)
    for agent_id, share in _shares(session, conversation_id).items():
        values = _figures(share) | {"contribution_percent": percents.get(agent_id)}
        if agent_id == conversation.pm_agent_id:
            values["role"] = "pm"
        key = {"user_id": conversation.user_id, "conversation_id": conversation_id, "agent_id": agent_id}
        alike[frozenset(values)].append(key | values)
    for names, rows in alike.items():
        _keep(session, names, rows)
    measure_satisfaction(session, conversation_id)


def _keep(session: Session, names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add participations, or give those that are there the values of `names`; what is not named stays."""
    statement = insert(AgentParticipation).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["conversation_id", "agent_id"], set_={name: statement.excluded[name] for name in names}
        )
    )


def measure_satisfaction(session: Session, conversation_id: int) -> None:
    """Bring what people think of a conversation, and of each agent in it, in step with their ratings.

    Of an agent: the mean rating of its responses; of the conversation: that of its last synthesis that somebody rated.
    """
    session.flush()
    of_agents = session.execute(
        select(AgentResponse.agent_id, func.avg(QualityScore.value))
        .join(QualityScore, QualityScore.response_id == AgentResponse.id)
        .where(QualityScore.conversation_id == conversation_id, *_BY_PEOPLE)
        .group_by(AgentResponse.agent_id)
    )
    for agent_id, rating in of_agents:
        session.execute(
            update(AgentParticipation)
            .where(AgentParticipation.conversation_id == conversation_id, AgentParticipation.agent_id == agent_id)
            .values(satisfaction_rating=rating)
        )
    of_answer = session.scalar(
        select(func.avg(QualityScore.value))
        .where(QualityScore.conversation_id == conversation_id, QualityScore.synthesis_id.is_not(None), *_BY_PEOPLE)
        .group_by(QualityScore.synthesis_id)
        .order_by(QualityScore.synthesis_id.desc())
        .limit(1)
    )
    if of_answer is not None:
        session.get_one(MultiAgentConversation, conversation_id).satisfaction_rating = of_answer
    session.flush()


_BY_PEOPLE = (QualityScore.source == "person", QualityScore.criterion == OVERALL)


OF_CONVERSATION = text(
    "SELECT id FROM agent_profiles WHERE user_id = :user AND agent_id IN (SELECT pm_agent_id FROM "
    "multi_agent_conversations WHERE id = :conversation UNION SELECT target_agent_id FROM task_delegations "
    "WHERE conversation_id = :conversation) ORDER BY id FOR UPDATE"
)
COUNT = text(
    "UPDATE agent_profiles p SET total_delegations = total_delegations + ended.whole, "
    "completed_delegations = completed_delegations + ended.done, failed_delegations = failed_delegations + ended.lost, "
    "average_response_seconds = CASE WHEN ended.timed = 0 THEN average_response_seconds ELSE "
    " (coalesce(average_response_seconds, 0) * known.timed + ended.seconds) / (known.timed + ended.timed) END, "
    "performance_metrics = performance_metrics || jsonb_build_object('timed_answers', known.timed + ended.timed) "
    "FROM (SELECT d.target_agent_id AS agent_id, count(*) AS whole, count(*) FILTER (WHERE d.status = 'completed') "
    " AS done, count(*) FILTER (WHERE d.status IN ('failed', 'timeout')) AS lost, count(r.response_seconds) AS timed, "
    " coalesce(sum(r.response_seconds), 0) AS seconds FROM task_delegations d "
    " LEFT JOIN agent_responses r ON r.delegation_id = d.id WHERE d.conversation_id = :conversation "
    " GROUP BY d.target_agent_id) ended, "
    "LATERAL (SELECT coalesce((SELECT (performance_metrics ->> 'timed_answers')::integer FROM agent_profiles "
    " WHERE user_id = :user AND agent_id = ended.agent_id), 0) AS timed) known "
    "WHERE p.user_id = :user AND p.agent_id = ended.agent_id"
)


def count_delegations(session: Session, user_id: int, conversation_id: int) -> None:
    """Count the delegations of a conversation in the user's profiles of its experts: once, where it ends."""
    session.flush()
    of = {"user": user_id, "conversation": conversation_id}
    # In one order, for whoever ends another conversation of the same team at this moment.
    if session.execute(OF_CONVERSATION, of).all():
        session.execute(COUNT, of)


def count_quality(session: Session, response: AgentResponse, before: float | None) -> None:
    """Let a response's new quality score count in the user's profile of its expert, in place of the one `before`."""
    after = response.quality_score
    if after is None:
        return
    scored = _known(AgentProfile.performance_metrics["scored_answers"].as_integer())
    mean = func.coalesce(AgentProfile.average_quality_score, 0.0)
    if before is None:
        values = {
            "average_quality_score": mean + (after - mean) / (scored + 1),
            "performance_metrics": _with(scored_answers=scored + 1),
        }
    else:
        # The mean of shares stays one, whatever the rounding of many steps.
        moved = mean + (after - before) / func.greatest(scored, 1)
        values = {"average_quality_score": func.least(1.0, func.greatest(0.0, moved))}
    _update_profile(session, response.user_id, response.agent_id, values)


def _shares(session: Session, conversation_id: int) -> Mapping[str, _Share]:
    shares: dict[str, _Share] = defaultdict(_Share)
    messages = session.scalars(
        select(ConversationMessage)
        .where(ConversationMessage.conversation_id == conversation_id, ConversationMessage.speaker != PERSON)
        .order_by(ConversationMessage.position)
    )
    for message in messages:
        shares[message.speaker].messages.append(message)
    responses = session.scalars(
        select(AgentResponse).where(AgentResponse.conversation_id == conversation_id).order_by(AgentResponse.id)
    )
    for response in responses:
        shares[response.agent_id].responses.append(response)
    asked = select(TaskDelegation.target_agent_id).where(TaskDelegation.conversation_id == conversation_id)
    for agent_id in session.scalars(asked.distinct()):
        shares[agent_id]  # who was asked and gave no answer took part with none
    return shares


def _figures(share: _Share) -> dict[str, Any]:
    counted = [message for message in share.messages if message.kind not in UNCOUNTED]
    times = [message.occurred_at for message in share.messages if message.occurred_at is not None]
    seconds = _all_known(answer.response_seconds for answer in share.responses)
    quality = _all_known(answer.quality_score for answer in share.responses)
    figures = {
        "turns": len(counted),
        "input_tokens": _sum(_all_known(message.input_tokens for message in counted)),
        "output_tokens": _sum(_all_known(message.output_tokens for message in counted)),
        "first_response_seconds": share.responses[0].response_seconds if share.responses else None,
        "average_response_seconds": fmean(seconds) if seconds else None,
        "quality_score": fmean(quality) if quality else None,
        "joined_at": min(times, default=None),
        "left_at": max(times, default=None),
    }
    return figures | ({"model_name": share.responses[-1].model_name} if share.responses else {})


def _contributions(session: Session, conversation_id: int) -> dict[str, float]:
    """By agent: its percentage of the last synthesis; what no expert gave is its writer's own."""
    last = session.scalars(
        select(TaskSynthesis)
        .where(TaskSynthesis.conversation_id == conversation_id)
        .order_by(TaskSynthesis.id.desc())
        .limit(1)
    ).one_or_none()
    parts: Sequence[Mapping[str, Any]] = last.contributions if last is not None else ()
    if last is None or not parts or any(part.get("weight") is None for part in parts):
        return {}
    percents: dict[str, float] = defaultdict(float)
    for part in parts:
        percents[part["agent_id"]] += 100 * part["weight"]
    percents[last.synthesizer_agent_id] += max(0.0, 100 - sum(percents.values()))
    return {agent_id: min(100.0, percent) for agent_id, percent in percents.items()}


def _update_profile(session: Session, user_id: int, agent_id: str, values: Mapping[str, Any]) -> None:
    """Change the user's own profile of an agent; there is one for each agent that works for them."""
    session.flush()
    session.execute(
        update(AgentProfile)
        .where(AgentProfile.user_id == user_id, AgentProfile.agent_id == agent_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _known(count: Any) -> Any:  # noqa: ANN401 - an expression
    return func.coalesce(count, 0)


def _with(**metrics: Any) -> Any:  # noqa: ANN401 - expressions
    """The profile's metrics with these in place of what they were."""
    pairs = [part for name, value in metrics.items() for part in (name, value)]
    return AgentProfile.performance_metrics.concat(func.jsonb_build_object(*pairs))


def _all_known(values: Iterable[Number | None]) -> list[Number]:
    """The values where each of them is known; nothing otherwise."""
    given = list(values)
    known = [value for value in given if value is not None]
    return known if len(known) == len(given) else []


def _sum(values: Sequence[int]) -> int | None:
    return sum(values) if values else None
