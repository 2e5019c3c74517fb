"""A conversation in which two experts answered and disagreed, of whoever the session is bound to."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from helios_core.models import AgentResponse, MultiAgentConversation, TaskDelegation, TaskSynthesis


@dataclass(frozen=True)
class Teamwork:
    """The ids of what there is; the responses are those of the technical expert and of the data analyst."""

    conversation_id: int
    delegation_ids: tuple[int, int]
    response_ids: tuple[int, int]
    synthesis_id: int


def teamwork(session: Session, title: str = "Spot instances?") -> Teamwork:
    """Write it."""
    conversation = MultiAgentConversation(title=title, question="Should we move the nightly jobs?")
    session.add(conversation)
    session.flush()
    first, second = (_answered(session, conversation, agent) for agent in ("technical_expert", "data_analyst"))
    synthesis = TaskSynthesis(
        conversation_id=conversation.id,
        synthesizer_agent_id="project_manager",
        content="Yes, but not all of them.",
        contributions=[
            {"response_id": first.id, "agent_id": "technical_expert", "weight": 0.75},
            {"response_id": second.id, "agent_id": "data_analyst"},
        ],
        conflicts=[{"claim": "A restart is cheap.", "stances": {"technical_expert": "for", "data_analyst": "against"}}],
        minority_report="Not before a restart test.",
        consensus_score=0.62,
        effective_votes=1.4,
    )
    session.add(synthesis)
    session.flush()
    return Teamwork(conversation.id, (first.delegation_id, second.delegation_id), (first.id, second.id), synthesis.id)


def _answered(session: Session, conversation: MultiAgentConversation, agent_id: str) -> AgentResponse:
    delegation = TaskDelegation(
        conversation_id=conversation.id,
        pm_agent_id="project_manager",
        target_agent_id=agent_id,
        task_description="Assess the cost.",
    )
    session.add(delegation)
    session.flush()
    response = AgentResponse(
        delegation_id=delegation.id,
        conversation_id=conversation.id,
        agent_id=agent_id,
        content=f"What {agent_id} says.",
        model_name="qwen2.5:14b",
        confidence_score=0.8,
    )
    session.add(response)
    session.flush()
    return response
