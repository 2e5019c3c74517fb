"""The consensus of a synthesis in the database."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.measures.consensus import Answered, DrawnClaim, Stance, consensus
from helios_core.models import (
    AgentResponse,
    BlackboardEvent,
    ClaimStance,
    MultiAgentConversation,
    SynthesisClaim,
    TaskSynthesis,
)
from helios_core.services.consensus import NewSynthesis, conclude
from tests.views import scenes

ANSWERS = (
    Answered("technical_expert", "Technical Expert", "Spot is cheaper at prices of today.", "llama3.1:8b"),
    Answered("data_analyst", "Data Analyst", "Interruptions cost more than spot saves.", "mistral:7b"),
    Answered("socratic_expert", "Socratic Expert", "Nobody has tried a restart.", "llama3.1:8b"),
)
CLAIMS = (
    DrawnClaim(
        "Spot saves money",
        (Stance(0, "technical_expert", "for", "Spot is cheaper"), Stance(1, "data_analyst", "against", "cost more")),
    ),
    DrawnClaim("A restart was tried", (Stance(2, "socratic_expert", "against", "Nobody has tried"),)),
)
ANSWER = "Spot is cheaper at prices of today. [Technical Expert] Try it."


def new_synthesis(session: Session, row: MultiAgentConversation) -> NewSynthesis:
    """What was made of three answers, which are written."""
    responses = [
        AgentResponse(
            delegation_id=scenes.delegation(session, row, one.agent_id).id,
            conversation_id=row.id,
            agent_id=one.agent_id,
            content=one.text,
            model_name=one.model_name,
        )
        for one in ANSWERS
    ]
    session.add_all(responses)
    session.flush()
    return NewSynthesis(
        user_id=row.user_id,
        conversation_id=row.id,
        chat_id=row.session_id,
        agent_id="project_manager",
        content=ANSWER,
        claims=CLAIMS,
        found=consensus(CLAIMS, ANSWERS, ANSWER),
        response_ids=[response.id for response in responses],
        model_name="qwen2.5:14b",
    )


def test_a_synthesis_is_written_with_its_claims_and_its_conversation_agrees_as_far(
    database: Database, member: Principal
) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session)
        new = new_synthesis(session, row)
        synthesis = session.get_one(TaskSynthesis, conclude(session, new))
        session.commit()
        claims = select(SynthesisClaim.content).order_by(SynthesisClaim.position)
        assert session.scalars(claims).all() == ["Spot saves money", "A restart was tried"]
        stances = session.scalars(select(ClaimStance).order_by(ClaimStance.response_id)).all()
        assert [(one.agent_id, one.stance, one.response_id) for one in stances] == [
            ("technical_expert", "for", new.response_ids[0]), ("data_analyst", "against", new.response_ids[1]),
            ("socratic_expert", "against", new.response_ids[2]),
        ]  # fmt: skip
        session.refresh(row)
        assert synthesis.consensus_score == row.consensus_score == new.found.score
        assert synthesis.effective_votes == 2.25
        assert synthesis.conflicts == [
            {"claim": "Spot saves money", "stances": {"technical_expert": "for", "data_analyst": "against"}}
        ]
        assert session.scalars(select(BlackboardEvent.event_payload)).one()["synthesis_id"] == synthesis.id


def test_a_conversation_agrees_as_far_as_its_newest_synthesis(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row = scenes.conversation(session)
        new = new_synthesis(session, row)
        conclude(session, new)
        conclude(session, replace(new, claims=(), found=consensus((), ANSWERS, ANSWER)))
        session.refresh(row)
        assert row.consensus_score is None
