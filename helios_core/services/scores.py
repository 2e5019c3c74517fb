"""Scores of responses and syntheses, side by side: the expert's own, judge models', and people's.

They are never mixed: a response's `quality_score` is what judges gave it, its `confidence_score` what the expert gave
itself, and a satisfaction is what people gave.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from helios_core.database.sending import send
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotAllowed, NotFound
from helios_core.measures.scores import CONFIDENCE, GRADES, OVERALL, Assessment, Judge
from helios_core.models import (
    AgentResponse,
    JudgeModel,
    ModelProvider,
    MultiAgentConversation,
    QualityScore,
    TaskSynthesis,
)
from helios_core.services.participation import count_quality, measure_satisfaction
from helios_core.services.permissions import Action, require

EXPLANATION_MAX_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Subject:
    """What is scored."""

    kind: Literal["response", "synthesis"]
    id: int


def rate(session: Session, subject: Subject, grade: int, explanation: str | None = None) -> None:
    """Rate a response or a synthesis from 1 to 5, in place of what the principal gave it before.

    Raises InvalidInput, NotAllowed and NotFound.
    """
    require(session, Action.RATE_ANSWERS)
    rater_id = principal_of(session).user_id
    if rater_id is None:
        raise NotAllowed("A rating is somebody's; sign in as a user.")
    words = _explanation(explanation)
    if not GRADES.low <= grade <= GRADES.high:
        raise InvalidInput({"grade": "Choose a grade from 1 to 5."})
    row = _row(session, subject)
    values = _values(row, Assessment(OVERALL, grade, GRADES, words)) | {"source": "person", "rater_id": rater_id}
    _upsert(session, [values], "rater_id", QualityScore.rater_id.is_not(None))
    if row.conversation_id is not None:
        measure_satisfaction(session, row.conversation_id)
        session.refresh(session.get_one(MultiAgentConversation, row.conversation_id), ["satisfaction_rating"])


def record_scores(
    session: Session, subject: Subject, assessments: Sequence[Assessment], judge: Judge | None = None
) -> None:
    """Keep a judge's scores, or without one the expert's own, in place of those that the same gave before.

    A judge's grade for the whole makes up the quality score; an expert's confidence is kept beside it.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    row = _row(session, subject)
    judge_id = None if judge is None else _judge_id(session, row.user_id, judge)
    source = "self" if judge is None else "judge"
    values = [_values(row, assessment) | {"source": source, "judge_id": judge_id} for assessment in assessments]
    if values:
        _upsert(session, values, "judge_id", text("source <> 'person'"))  # a parameter would fit no index
    if judge is None:
        _keep_confidence(row, assessments)
    else:
        _keep_quality(session, row)
    session.flush()


def record_self_assessments(
    session: Session, user_id: int, conversation_id: int, assessments: Mapping[int, Assessment]
) -> None:
    """Keep what experts think of their own responses, by the responses' ids, in place of what they thought before.

    The confidence that an assessment may be is with the response since it was written.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    if not assessments:
        return
    session.flush()
    given = [
        {
            "response_id": response_id,
            "criterion": one.criterion,
            "value": one.value,
            "scale_low": one.scale.low,
            "scale_high": one.scale.high,
            "explanation": one.explanation,
        }
        for response_id, one in assessments.items()
    ]
    send(session, SELF_ASSESSED, {"user": user_id, "conversation": conversation_id, "given": json.dumps(given)})


SELF_ASSESSED = text(
    "INSERT INTO quality_scores (user_id, conversation_id, response_id, source, criterion, value, scale_low, "
    " scale_high, explanation) SELECT :user, :conversation, response_id, 'self', criterion, value, scale_low, "
    " scale_high, explanation FROM json_to_recordset(CAST(:given AS json)) AS g (response_id bigint, "
    " criterion text, value float8, scale_low float8, scale_high float8, explanation text) ORDER BY response_id "
    "ON CONFLICT (user_id, response_id, synthesis_id, judge_id, criterion) WHERE source <> 'person' "
    "DO UPDATE SET value = EXCLUDED.value, scale_low = EXCLUDED.scale_low, scale_high = EXCLUDED.scale_high, "
    " explanation = EXCLUDED.explanation, updated_at = now()"
)


def _row(session: Session, subject: Subject) -> AgentResponse | TaskSynthesis:
    """What is scored, while nobody else scores it."""
    row: AgentResponse | TaskSynthesis | None
    if subject.kind == "response":
        row = session.get(AgentResponse, subject.id, with_for_update=True, populate_existing=True)
    else:
        row = session.get(TaskSynthesis, subject.id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no {subject.kind} {subject.id}.")
    return row


def _values(row: AgentResponse | TaskSynthesis, assessment: Assessment) -> dict[str, Any]:
    return {
        "user_id": row.user_id,
        "conversation_id": row.conversation_id,
        "response_id": row.id if isinstance(row, AgentResponse) else None,
        "synthesis_id": row.id if isinstance(row, TaskSynthesis) else None,
        "criterion": assessment.criterion,
        "value": assessment.value,
        "scale_low": assessment.scale.low,
        "scale_high": assessment.scale.high,
        "explanation": assessment.explanation,
    }


def _upsert(session: Session, values: Sequence[dict[str, Any]], by: str, where: Any) -> None:  # noqa: ANN401 - a condition
    """Add scores, or replace those that the same judge or person gave the same thing by the same criterion."""
    statement = insert(QualityScore).values(values)
    given = ("value", "scale_low", "scale_high", "explanation")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "response_id", "synthesis_id", by, "criterion"],
            index_where=where,
            set_={name: statement.excluded[name] for name in given} | {"updated_at": func.now()},
        )
    )


def _judge_id(session: Session, user_id: int, judge: Judge) -> int:
    """The judge's row among the user's, which is added where this model never judged by this prompt."""
    key = {
        "user_id": user_id,
        "model_provider": ModelProvider(judge.model_provider),
        "model_name": judge.model_name,
        "prompt_version": judge.prompt_version,
    }
    session.execute(insert(JudgeModel).values(**key, prompt=judge.prompt).on_conflict_do_nothing())
    return session.scalars(select(JudgeModel.id).filter_by(**key)).one()


def _keep_confidence(row: AgentResponse | TaskSynthesis, assessments: Sequence[Assessment]) -> None:
    confident = [one.share for one in assessments if one.criterion == CONFIDENCE]
    if isinstance(row, AgentResponse) and confident:
        row.confidence_score = confident[-1]


def _keep_quality(session: Session, row: AgentResponse | TaskSynthesis) -> None:
    """Make the mean of the judges' grades for the whole, as shares of their scales, the quality of what they judged."""
    subject = QualityScore.response_id if isinstance(row, AgentResponse) else QualityScore.synthesis_id
    share = (QualityScore.value - QualityScore.scale_low) / (QualityScore.scale_high - QualityScore.scale_low)
    judged = select(func.avg(share)).where(
        subject == row.id, QualityScore.source == "judge", QualityScore.criterion == OVERALL
    )
    before, row.quality_score = row.quality_score, session.scalar(judged)
    if isinstance(row, AgentResponse):
        count_quality(session, row, before)


def _explanation(explanation: str | None) -> str | None:
    words = (explanation or "").strip() or None
    if words is not None and (len(words) > EXPLANATION_MAX_CHARACTERS or "\x00" in words):
        raise InvalidInput({"explanation": f"Give a reason of at most {EXPLANATION_MAX_CHARACTERS:,} characters."})
    return words
