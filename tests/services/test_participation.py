"""What each agent contributed, counted."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.models import (
    AgentParticipation,
    AgentProfile,
    AgentResponse,
    ConversationMessage,
    MultiAgentConversation,
    TaskDelegationStatus,
    TaskSynthesis,
)
from helios_core.services.participation import count_delegations, measure_participations
from tests.views import scenes

EXPERT, PM = "technical_expert", "project_manager"


def said(of: MultiAgentConversation, position: int, speaker: str, kind: str, tokens: int | None) -> ConversationMessage:
    return ConversationMessage(
        conversation_id=of.id,
        position=position,
        speaker=speaker,
        kind=kind,
        content="…",
        occurred_at=scenes.at(position),
        input_tokens=tokens,
        output_tokens=tokens,
    )


def answered(session: Session, of: MultiAgentConversation, seconds: float) -> AgentResponse:
    return AgentResponse(
        delegation_id=scenes.delegation(session, of, EXPERT).id,
        conversation_id=of.id,
        agent_id=EXPERT,
        content="…",
        response_seconds=seconds,
        quality_score=0.5,
    )


def test_participations_follow_from_messages_responses_and_the_last_synthesis(
    database: Database, member: Principal
) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session, pm_agent_id=PM)
        session.add_all(
            [
                said(row, 0, "user", "question", None),
                said(row, 1, PM, "plan", 10),
                said(row, 2, PM, "directive", None),
                said(row, 3, EXPERT, "response", 7),
                said(row, 4, EXPERT, "response", None),
                said(row, 5, PM, "synthesis", 20),
                answered(session, row, 4),
                answered(session, row, 8),
            ]
        )
        parts = [
            {"response_id": 1, "agent_id": EXPERT, "weight": 0.3},
            {"response_id": 2, "agent_id": EXPERT, "weight": 0.4},
        ]
        session.add(TaskSynthesis(conversation_id=row.id, synthesizer_agent_id=PM, content="…", contributions=parts))
        for _ in range(2):
            measure_participations(session, row.id)
        pm, expert = session.scalars(select(AgentParticipation).order_by(AgentParticipation.agent_id))
        assert (pm.role, pm.turns, pm.input_tokens, pm.first_response_seconds) == ("pm", 2, 30, None)
        assert (expert.role, expert.turns, expert.input_tokens) == ("expert", 2, None)
        assert (expert.first_response_seconds, expert.average_response_seconds, expert.quality_score) == (4, 6, 0.5)
        assert expert.contribution_percent == pytest.approx(70)
        assert pm.contribution_percent == pytest.approx(30)
        assert (expert.joined_at, expert.left_at) == (scenes.at(3), scenes.at(4))


def test_a_share_that_nobody_measured_stays_unknown(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session, pm_agent_id=PM)
        session.add(said(row, 0, PM, "synthesis", None))
        parts = [{"agent_id": EXPERT, "weight": None}]
        session.add(TaskSynthesis(conversation_id=row.id, synthesizer_agent_id=PM, content="…", contributions=parts))
        measure_participations(session, row.id)
        pm = session.scalars(select(AgentParticipation)).one()
        assert (pm.contribution_percent, pm.input_tokens, pm.turns) == (None, None, 1)


def test_a_profile_counts_how_delegations_ended(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        assert member.user_id is not None
        session.add(AgentProfile(user_id=member.user_id, agent_id=EXPERT, display_name="Technical Expert"))
        ends = ("completed", "completed", "completed", "failed", "timeout", "cancelled")
        for seconds in (2.0, 6.0):
            row = scenes.conversation(session, pm_agent_id=PM)
            tasks = [scenes.delegation(session, row, EXPERT, status=TaskDelegationStatus(status)) for status in ends]
            session.add(
                AgentResponse(
                    delegation_id=tasks[0].id, conversation_id=row.id, agent_id=EXPERT, content="…",
                    response_seconds=seconds,
                )
            )  # fmt: skip
            count_delegations(session, member.user_id, row.id)
        profile = session.scalars(select(AgentProfile).execution_options(populate_existing=True)).one()
        assert (profile.total_delegations, profile.completed_delegations, profile.failed_delegations) == (12, 6, 4)
        assert profile.average_response_seconds == pytest.approx(4)
        assert profile.performance_metrics == {"timed_answers": 2}


def test_who_was_asked_and_gave_no_answer_took_part_with_none(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session, pm_agent_id=PM)
        scenes.delegation(session, row, EXPERT, status=TaskDelegationStatus.FAILED)
        measure_participations(session, row.id)
        expert = session.scalars(select(AgentParticipation)).one()
        assert (expert.agent_id, expert.turns, expert.average_response_seconds) == (EXPERT, 0, None)
