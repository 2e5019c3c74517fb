"""What each agent contributed: to a conversation, as its participation; over all of them, as the user's profile of it.

What a part of was not measured stays None, rather than a sum of the rest.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from helios_core.database.sending import send
from helios_core.measures.scores import OVERALL
from helios_core.models import AgentProfile, AgentResponse
from helios_core.services.permissions import Action, require
from helios_core.services.records import PERSON


def measure_participations(session: Session, conversation_id: int) -> None:
    """Bring the participations of a conversation in step with its messages, responses, scores and last synthesis."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    session.flush()
    send(session, MEASURE, {"conversation": conversation_id, "person": PERSON})
    measure_satisfaction(session, conversation_id)


MEASURE = text(
    """
WITH said AS (
    -- What is a part of another message does not count: a directive costs no tokens beside its plan's.
    SELECT speaker AS agent_id, min(position) AS place, min(occurred_at) AS joined_at, max(occurred_at) AS left_at,
        count(*) FILTER (WHERE counted) AS turns,
        CASE WHEN bool_and(input_tokens IS NOT NULL) FILTER (WHERE counted)
            THEN sum(input_tokens) FILTER (WHERE counted) END AS input_tokens,
        CASE WHEN bool_and(output_tokens IS NOT NULL) FILTER (WHERE counted)
            THEN sum(output_tokens) FILTER (WHERE counted) END AS output_tokens
    FROM conversation_messages, LATERAL (SELECT kind NOT IN ('directive', 'note') AS counted) AS part
    WHERE conversation_id = :conversation AND speaker <> :person GROUP BY speaker
), answered AS (
    SELECT agent_id, (array_agg(response_seconds ORDER BY id))[1] AS first_response_seconds,
        (array_agg(model_name ORDER BY id DESC))[1] AS model_name,
        CASE WHEN bool_and(response_seconds IS NOT NULL) THEN avg(response_seconds) END AS average_response_seconds,
        CASE WHEN bool_and(quality_score IS NOT NULL) THEN avg(quality_score) END AS quality_score
    FROM agent_responses WHERE conversation_id = :conversation GROUP BY agent_id
), asked AS (
    SELECT DISTINCT target_agent_id AS agent_id FROM task_delegations WHERE conversation_id = :conversation
), last AS (
    SELECT synthesizer_agent_id, contributions FROM task_synthesis
    WHERE conversation_id = :conversation ORDER BY id DESC LIMIT 1
), parts AS (
    SELECT part.agent_id, 100 * part.weight AS percent
    FROM last, jsonb_to_recordset(last.contributions) AS part (agent_id text, weight float8)
), given AS (
    SELECT agent_id, least(100, sum(percent)) AS percent FROM (
        SELECT agent_id, percent FROM parts
        UNION ALL SELECT synthesizer_agent_id, greatest(0, 100 - (SELECT sum(percent) FROM parts)) FROM last
    ) AS shares
    WHERE (SELECT bool_and(percent IS NOT NULL) FROM parts) GROUP BY agent_id
)
INSERT INTO agent_participations AS known (user_id, conversation_id, agent_id, role, model_name, turns, input_tokens,
    output_tokens, first_response_seconds, average_response_seconds, quality_score, contribution_percent, joined_at,
    left_at)
SELECT c.user_id, c.id, agent_id, CASE WHEN agent_id = c.pm_agent_id THEN 'pm' ELSE 'expert' END, answered.model_name,
    coalesce(said.turns, 0), said.input_tokens, said.output_tokens, answered.first_response_seconds,
    answered.average_response_seconds, answered.quality_score, given.percent, said.joined_at, said.left_at
FROM multi_agent_conversations c, said FULL JOIN answered USING (agent_id) FULL JOIN asked USING (agent_id)
    LEFT JOIN given USING (agent_id)
WHERE c.id = :conversation ORDER BY said.place, agent_id
ON CONFLICT (conversation_id, agent_id) DO UPDATE SET
    role = CASE WHEN EXCLUDED.role = 'pm' THEN 'pm' ELSE known.role END,
    model_name = coalesce(EXCLUDED.model_name, known.model_name), turns = EXCLUDED.turns,
    input_tokens = EXCLUDED.input_tokens, output_tokens = EXCLUDED.output_tokens,
    first_response_seconds = EXCLUDED.first_response_seconds,
    average_response_seconds = EXCLUDED.average_response_seconds, quality_score = EXCLUDED.quality_score,
    contribution_percent = EXCLUDED.contribution_percent, joined_at = EXCLUDED.joined_at, left_at = EXCLUDED.left_at
"""
)


def measure_satisfaction(session: Session, conversation_id: int) -> None:
    """Bring what people think of a conversation, and of each agent in it, in step with their ratings.

    Of an agent: the mean rating of its responses; of the conversation: that of its last synthesis that somebody rated.
    """
    session.flush()
    send(session, SATISFIED, {"conversation": conversation_id, "criterion": OVERALL})


SATISFIED = text(
    "WITH with_agents AS (UPDATE agent_participations p SET satisfaction_rating = rated.rating FROM "
    " (SELECT r.agent_id, avg(score.value) AS rating FROM quality_scores score "
    "  JOIN agent_responses r ON r.id = score.response_id WHERE score.conversation_id = :conversation "
    "  AND score.source = 'person' AND score.criterion = :criterion GROUP BY r.agent_id) rated "
    " WHERE p.conversation_id = :conversation AND p.agent_id = rated.agent_id) "
    "UPDATE multi_agent_conversations SET satisfaction_rating = whole.rating, updated_at = now() FROM "
    " (SELECT avg(value) AS rating FROM quality_scores WHERE conversation_id = :conversation "
    "  AND synthesis_id IS NOT NULL AND source = 'person' AND criterion = :criterion "
    "  GROUP BY synthesis_id ORDER BY synthesis_id DESC LIMIT 1) whole WHERE id = :conversation"
)

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
    send(session, OF_CONVERSATION, of)
    send(session, COUNT, of)


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
