"""Scores by experts, judges and people: kept side by side, each with who gave it."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.errors import InvalidInput, NotAllowed, NotFound
from helios_core.measures.scores import CONFIDENCE, GRADES, OVERALL, SHARE, Assessment, Judge
from helios_core.models import (
    AgentParticipation,
    AgentProfile,
    AgentResponse,
    JudgeModel,
    MultiAgentConversation,
    QualityScore,
    TaskSynthesis,
)
from helios_core.services.scores import Subject, rate, record_scores
from tests.views import scenes

JUDGE = Judge("qwen2.5:14b", "ollama", "judge-1", "You judge one answer.")
STRICT = Judge("qwen2.5:14b", "ollama", "judge-2", "You judge strictly.")


def grade(value: float, criterion: str = OVERALL) -> Assessment:
    return Assessment(criterion, value, GRADES, "Because.")


def answered(session: Session) -> tuple[MultiAgentConversation, AgentResponse, TaskSynthesis]:
    """A conversation with one response and one synthesis, nothing of it scored."""
    row = scenes.conversation(session)
    task = scenes.delegation(session, row, "technical_expert")
    response = AgentResponse(delegation_id=task.id, conversation_id=row.id, agent_id="technical_expert", content="Yes.")
    synthesis = TaskSynthesis(conversation_id=row.id, synthesizer_agent_id="project_manager", content="Yes.")
    participation = AgentParticipation(conversation_id=row.id, agent_id="technical_expert")
    profile = AgentProfile(user_id=row.user_id, agent_id="technical_expert", display_name="Technical Expert")
    session.add_all([response, synthesis, participation, profile])
    session.flush()
    return row, response, synthesis


def scores(session: Session) -> list[tuple[str, str, float]]:
    rows = session.scalars(select(QualityScore).order_by(QualityScore.id))
    return [(row.source, row.criterion, row.value) for row in rows]


def test_each_source_keeps_its_own_score_on_its_own_scale(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        _, response, _ = answered(session)
        subject = Subject("response", response.id)
        record_scores(session, subject, [Assessment(CONFIDENCE, 0.9, SHARE)])
        record_scores(session, subject, [grade(2), grade(3, "clarity")], JUDGE)
        rate(session, subject, 5, "It helped.")
        assert scores(session) == [
            ("self", "confidence", 0.9), ("judge", "overall", 2), ("judge", "clarity", 3), ("person", "overall", 5),
        ]  # fmt: skip
        session.refresh(response)
        assert (response.confidence_score, response.quality_score) == (0.9, 0.25)


def test_a_judge_that_judges_again_replaces_its_score_and_another_version_adds_one(
    database: Database, member: Principal
) -> None:
    with database.session(member) as session:
        _, response, _ = answered(session)
        subject = Subject("response", response.id)
        for judge, value in ((JUDGE, 5), (JUDGE, 3), (STRICT, 1)):
            record_scores(session, subject, [grade(value)], judge)
        assert scores(session) == [("judge", "overall", 3), ("judge", "overall", 1)]
        assert session.scalars(select(JudgeModel.prompt).order_by(JudgeModel.id)).all() == [JUDGE.prompt, STRICT.prompt]
        session.refresh(response)
        assert response.quality_score == pytest.approx((0.5 + 0.0) / 2)


def test_the_users_profile_of_an_agent_counts_each_scored_response_once(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row, first, _ = answered(session)
        second = AgentResponse(
            delegation_id=first.delegation_id, conversation_id=row.id, agent_id="technical_expert", content="No."
        )
        session.add(second)
        session.flush()
        record_scores(session, Subject("response", first.id), [grade(1)], JUDGE)
        record_scores(session, Subject("response", first.id), [grade(5)], JUDGE)
        record_scores(session, Subject("response", second.id), [grade(3)], JUDGE)
        profile = session.scalars(select(AgentProfile).execution_options(populate_existing=True)).one()
        assert profile.average_quality_score == pytest.approx((1.0 + 0.5) / 2)
        assert profile.performance_metrics == {"scored_answers": 2}


def test_people_change_their_own_rating_and_what_they_think_reaches_the_conversation(
    database: Database, member: Principal, operator: Principal
) -> None:
    with database.session(member) as session:
        row, response, synthesis = answered(session)
        rate(session, Subject("synthesis", synthesis.id), 1)
        rate(session, Subject("synthesis", synthesis.id), 3)
        rate(session, Subject("response", response.id), 4)
        session.commit()
    with database.session(operator) as session:
        rate(session, Subject("synthesis", synthesis.id), 4, "Good enough.")
        rated = session.scalars(select(QualityScore).where(QualityScore.synthesis_id == synthesis.id)).all()
        assert {(score.rater_id, score.user_id, score.value) for score in rated} == {
            (member.user_id, member.user_id, 3.0), (operator.user_id, member.user_id, 4.0),
        }  # fmt: skip
        assert session.get_one(MultiAgentConversation, row.id).satisfaction_rating == 3.5
        participation = session.scalars(select(AgentParticipation)).one()
        assert participation.satisfaction_rating == 4
        assert session.get_one(AgentResponse, response.id).quality_score is None


def test_nobody_rates_what_they_do_not_see_or_in_anybodys_name(
    database: Database, member: Principal, other_member: Principal
) -> None:
    with database.session(member) as session:
        _, response, _ = answered(session)
        session.commit()
    with database.session(other_member) as session, pytest.raises(NotFound):
        rate(session, Subject("response", response.id), 4)
    with database.session(Principal(None, "operator")) as session, pytest.raises(NotAllowed):
        rate(session, Subject("response", response.id), 4)


@pytest.mark.parametrize(("grade_", "words"), [(0, None), (6, None), (3, "x" * 4001), (3, "nul \x00")])
def test_a_rating_that_cannot_be_is_refused_beside_its_field(
    database: Database, member: Principal, grade_: int, words: str | None
) -> None:
    with database.session(member) as session:
        _, response, _ = answered(session)
        with pytest.raises(InvalidInput) as refused:
            rate(session, Subject("response", response.id), grade_, words)
    assert list(refused.value.fields) == (["grade"] if words is None else ["explanation"])
