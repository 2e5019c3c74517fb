"""The consensus of a synthesis in the database."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.measures.consensus import Answered, DrawnClaim, Stance, consensus
from helios_core.models import AgentResponse, ClaimStance, MultiAgentConversation, SynthesisClaim, TaskSynthesis
from helios_core.services.consensus import write_consensus
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


def concluded(session: Session) -> tuple[MultiAgentConversation, list[int], TaskSynthesis]:
    row = scenes.conversation(session)
    responses = [
        AgentResponse(
            delegation_id=scenes.delegation(session, row, one.agent_id).id,
            conversation_id=row.id,
            agent_id=one.agent_id,
            content=one.text,
        )
        for one in ANSWERS
    ]
    synthesis = TaskSynthesis(conversation_id=row.id, synthesizer_agent_id="project_manager", content=ANSWER)
    session.add_all([*responses, synthesis])
    session.flush()
    return row, [response.id for response in responses], synthesis


def test_a_consensus_is_written_once_and_replaced_as_a_whole(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row, response_ids, synthesis = concluded(session)
        for claims in (CLAIMS, CLAIMS[:1]):
            write_consensus(
                session, synthesis.id, claims, consensus(claims, ANSWERS, ANSWER), response_ids,
                model_name="qwen2.5:14b", prompt_version="claims-1",
            )  # fmt: skip
        session.commit()
        assert session.scalars(select(SynthesisClaim.content)).all() == ["Spot saves money"]
        stances = session.scalars(select(ClaimStance).order_by(ClaimStance.agent_id)).all()
        assert [(one.agent_id, one.stance, one.response_id) for one in stances] == [
            ("data_analyst", "against", response_ids[1]), ("technical_expert", "for", response_ids[0]),
        ]  # fmt: skip
        assert synthesis.consensus_score == row.consensus_score == 0
        assert synthesis.effective_votes == 1 + 2 / 1.6
        assert synthesis.conflicts == [
            {"claim": "Spot saves money", "stances": {"technical_expert": "for", "data_analyst": "against"}}
        ]


def test_an_older_synthesis_leaves_the_conversations_agreement_alone(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        row, response_ids, first = concluded(session)
        second = TaskSynthesis(conversation_id=row.id, synthesizer_agent_id="project_manager", content=ANSWER)
        session.add(second)
        session.flush()
        write_consensus(session, second.id, (), consensus((), ANSWERS, ANSWER), response_ids)
        write_consensus(session, first.id, CLAIMS, consensus(CLAIMS, ANSWERS, ANSWER), response_ids)
        assert first.consensus_score == 0
        assert row.consensus_score is None
