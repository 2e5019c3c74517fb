"""Scores with who gave them, and how far judges agree with people."""

import pytest
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.measures.scores import GRADES, OVERALL, Assessment, Judge
from helios_core.models import AgentResponse, MultiAgentConversation, User
from helios_core.services.scores import Subject, rate, record_scores
from helios_core.views.scores import judge_agreements, mean_share, scores_of
from tests.views import scenes

JUDGE = Judge("qwen2.5:14b", "ollama", "judge-1", "You judge.")


def answers(session: Session, number: int) -> tuple[MultiAgentConversation, list[AgentResponse]]:
    row = scenes.conversation(session)
    task = scenes.delegation(session, row, "technical_expert")
    rows = [
        AgentResponse(delegation_id=task.id, conversation_id=row.id, agent_id="technical_expert", content="Yes.")
        for _ in range(number)
    ]
    session.add_all(rows)
    session.flush()
    return row, rows


def judged(session: Session, response: AgentResponse, grade: float) -> None:
    record_scores(session, Subject("response", response.id), [Assessment(OVERALL, grade, GRADES)], JUDGE)


def test_a_score_says_who_gave_it_by_which_prompt_and_whether_it_is_the_readers(
    database: Database, member: Principal, operator: Principal
) -> None:
    with database.session(member) as session:
        row, (response,) = answers(session, 1)
        judged(session, response, 2)
        rate(session, Subject("response", response.id), 5, "It helped.")
        session.commit()
    with database.session(operator) as session:
        rate(session, Subject("response", response.id), 3)
        session.commit()
        judge, first, second = scores_of(session, row.id)
        assert (judge.given_by, judge.prompt_version, judge.prompt) == ("qwen2.5:14b", "judge-1", "You judge.")
        assert (first.given_by, first.is_mine, first.explanation) == ("mira", False, "It helped.")
        assert (second.given_by, second.is_mine) == ("olga", True)
        assert mean_share((judge, first, second), "person") == pytest.approx(0.75)
        assert mean_share((judge, first, second), "self") is None
    with database.session(member) as session:
        assert [score.given_by for score in scores_of(session, row.id)] == ["qwen2.5:14b", "mira", None]


def test_a_judge_is_held_to_people_where_there_are_enough_of_both(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        assert judge_agreements(session) == ()
        _, rows = answers(session, 20)
        for place, response in enumerate(rows[:17]):
            judged(session, response, 2 + place % 3)
            rate(session, Subject("response", response.id), 2 + place % 3)
        (few,) = judge_agreements(session)
        assert (few.pairs, few.missing_pairs, few.kappa) == (17, 1, None)
        for response in rows[17:]:
            judged(session, response, 5)
            rate(session, Subject("response", response.id), 1)
        (enough,) = judge_agreements(session)
        assert (enough.model_name, enough.prompt_version, enough.pairs) == ("qwen2.5:14b", "judge-1", 20)
        assert enough.kappa is not None
        assert enough.kappa.low < enough.kappa.value < enough.kappa.high < 1


def test_several_people_are_one_opinion_of_an_answer(
    database: Database, member: Principal, operator: Principal
) -> None:
    with database.session(member) as session:
        _, (response,) = answers(session, 1)
        judged(session, response, 4)
        rate(session, Subject("response", response.id), 5)
        session.commit()
    with database.session(operator) as session:
        rate(session, Subject("response", response.id), 1)
        (found,) = judge_agreements(session)
        assert found.pairs == 1
        assert session.get(User, member.user_id) is not None


def test_users_see_nothing_of_each_others_scores(
    database: Database, member: Principal, other_member: Principal
) -> None:
    with database.session(member) as session:
        row, (response,) = answers(session, 1)
        judged(session, response, 4)
        rate(session, Subject("response", response.id), 5)
        session.commit()
    with database.session(other_member) as session:
        assert scores_of(session, row.id) == ()
        assert judge_agreements(session) == ()
