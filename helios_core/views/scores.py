"""Scores as a page shows them: side by side, each with who gave it, and how far judges agree with people."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Literal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from helios_core.database.session import principal_of
from helios_core.measures.agreement import Kappa, kappa, too_few_pairs
from helios_core.measures.scores import CONFIDENCE, OVERALL, Scale
from helios_core.models import JudgeModel, QualityScore, User

Kind = Literal["response", "synthesis"]
RATINGS = 5000
"""Judges are held to so many of people's newest ratings."""
LEVELS = 3
"""κ is told of three levels: a grade below 3, of 3, above 3."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score. `given_by`: the judge's model, or the person; None for the expert itself and for who has left."""

    kind: Kind
    subject_id: int
    source: str
    given_by: str | None
    prompt_version: str | None
    prompt: str | None
    criterion: str
    value: float
    scale: Scale
    explanation: str | None
    given_at: datetime
    is_mine: bool

    @property
    def is_whole(self) -> bool:
        """Whether it is for the answer as a whole, and not for one criterion among others."""
        return self.criterion in {OVERALL, CONFIDENCE}

    @property
    def share(self) -> float:
        """The score from 0 to 1."""
        return self.scale.share(self.value)


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """How far a judge agrees with people beyond chance; κ is None where there are too few pairs to tell."""

    model_name: str
    prompt_version: str
    pairs: int
    missing_pairs: int
    kappa: Kappa | None


def scores_of(session: Session, conversation_id: int) -> tuple[Score, ...]:
    """All scores of a conversation's responses and syntheses, in the order in which they were given."""
    me = principal_of(session).user_id
    rows = session.execute(
        select(QualityScore, JudgeModel, User.username)
        .outerjoin(JudgeModel, JudgeModel.id == QualityScore.judge_id)
        .outerjoin(User, User.id == QualityScore.rater_id)
        .where(QualityScore.conversation_id == conversation_id)
        .order_by(QualityScore.id)
    )
    return tuple(_score(row, judge, username, me) for row, judge, username in rows)


def judge_agreements(session: Session) -> tuple[JudgeAgreement, ...]:
    """Of each judge whose answers people rated, too: how far the two agree."""
    person, judged = aliased(QualityScore), aliased(QualityScore)
    newest = (
        select(QualityScore.id)
        .where(QualityScore.source == "person", QualityScore.criterion == OVERALL)
        .order_by(QualityScore.id.desc())
        .limit(RATINGS)
    )
    rows = session.execute(
        select(JudgeModel.model_name, JudgeModel.prompt_version, judged.id, judged.value, person.value)
        .select_from(person)
        .join(judged, or_(judged.response_id == person.response_id, judged.synthesis_id == person.synthesis_id))
        .join(JudgeModel, JudgeModel.id == judged.judge_id)
        .where(person.id.in_(newest), judged.criterion == OVERALL)
    )
    pairs: dict[tuple[str, str], dict[int, tuple[float, list[float]]]] = defaultdict(dict)
    for model_name, version, judged_id, grade, rating in rows:
        pairs[model_name, version].setdefault(judged_id, (grade, []))[1].append(rating)
    return tuple(_agreement(*judge, found) for judge, found in sorted(pairs.items()))


def _agreement(model_name: str, prompt_version: str, graded: Mapping[int, tuple[float, list[float]]]) -> JudgeAgreement:
    pairs = [(_level(grade), _level(fmean(ratings))) for grade, ratings in graded.values()]
    return JudgeAgreement(
        model_name, prompt_version, len(pairs), too_few_pairs(len(pairs), LEVELS), kappa(pairs, LEVELS)
    )


def _level(grade: float) -> int:
    """The level of a grade from 1 to 5."""
    return (grade >= 3) + (grade > 3)


def mean_share(scores: Iterable[Score], source: str) -> float | None:
    """The mean of what one source gave for the whole, from 0 to 1."""
    shares = [score.share for score in scores if score.source == source and score.criterion == OVERALL]
    return fmean(shares) if shares else None


def _score(row: QualityScore, judge: JudgeModel | None, username: str | None, me: int | None) -> Score:
    return Score(
        kind="response" if row.response_id is not None else "synthesis",
        subject_id=row.response_id or row.synthesis_id or 0,
        source=row.source,
        given_by=judge.model_name if judge else username,
        prompt_version=judge.prompt_version if judge else None,
        prompt=judge.prompt if judge else None,
        criterion=row.criterion,
        value=row.value,
        scale=Scale(row.scale_low, row.scale_high),
        explanation=row.explanation,
        given_at=row.updated_at,
        is_mine=row.rater_id is not None and row.rater_id == me,
    )
