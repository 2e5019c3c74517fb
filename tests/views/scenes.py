"""Conversations as real ones are, written straight into the tables."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from helios_core.models import (
    AgentParticipation,
    AgentResponse,
    ConversationMessage,
    ConversationPhase,
    ConversationPhaseSpan,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    TaskSynthesis,
)

START = datetime(2026, 11, 22, 12, 38, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the start of the scene."""
    return START + timedelta(seconds=seconds)


def conversation(session: Session, title: str = "Spot instances?", **values: object) -> MultiAgentConversation:
    """A conversation of nobody, yet."""
    row = MultiAgentConversation(**{"title": title, "source": "import", "outcome": "completed", **values})
    session.add(row)
    session.flush()
    return row


def delegation(session: Session, of: MultiAgentConversation | None, agent_id: str, **values: object) -> TaskDelegation:
    """A task for `agent_id`."""
    row = TaskDelegation(
        **{
            "conversation_id": of.id if of else None,
            "pm_agent_id": "project_manager",
            "target_agent_id": agent_id,
            "task_description": f"A task for {agent_id}",
            "status": TaskDelegationStatus.COMPLETED,
            **values,
        }
    )
    session.add(row)
    session.flush()
    return row


def timed_conversation(session: Session) -> MultiAgentConversation:
    """Two experts on one model, one retry, all times and durations recorded."""
    row = conversation(
        session, question="Should we move the nightly jobs?", pm_agent_id="project_manager",
        current_phase=ConversationPhase.COMPLETION, started_at=at(0), ended_at=at(160), consensus_score=0.72,
    )  # fmt: skip
    for agent_id, tokens in (("project_manager", 900), ("technical_expert", 400), ("data_analyst", None)):
        session.add(
            AgentParticipation(conversation_id=row.id, agent_id=agent_id, input_tokens=tokens, output_tokens=tokens)
        )
    session.add_all(
        [
            ConversationPhaseSpan(
                conversation_id=row.id, position=0, phase=ConversationPhase.PLANNING, started_at=at(0), ended_at=at(20)
            ),
            ConversationPhaseSpan(
                conversation_id=row.id,
                position=1,
                phase=ConversationPhase.PROCESSING,
                started_at=at(20),
                ended_at=at(160),
            ),
        ]
    )
    failed = delegation(
        session, row, "data_analyst", position=1, status=TaskDelegationStatus.FAILED, error_message="out of memory",
        delegated_at=at(20), started_at=at(50), completed_at=at(70),
    )  # fmt: skip
    retried = delegation(
        session, row, "data_analyst", position=2, attempt=2, retry_of=failed.id,
        delegated_at=at(80), started_at=at(90), completed_at=at(130),
    )  # fmt: skip
    answered = delegation(
        session, row, "technical_expert", position=3, requirements=["cost_analysis"],
        delegation_directive="@[Technical Expert] Assess the cost", delegated_at=at(20), started_at=at(25),
        completed_at=at(65),
    )  # fmt: skip
    for task, score in ((retried, 0.6), (answered, 0.8)):
        session.add(
            AgentResponse(
                delegation_id=task.id, conversation_id=row.id, agent_id=task.target_agent_id,
                content="Cheaper by 61 %.", model_name="qwen2.5:14b", quality_score=score, position=task.position,
                queue_seconds=0.0, load_seconds=10.0, prefill_seconds=5.0, decode_seconds=20.0, tool_seconds=None,
            )
        )  # fmt: skip
    session.add(
        TaskSynthesis(
            conversation_id=row.id, synthesizer_agent_id="project_manager", content="Yes, but not all of them.",
            contributions=[{"agent_id": "technical_expert", "weight": 0.7}], effective_votes=1.4,
            minority_report="Data Analyst: not before a restart test.", position=4,
        )
    )  # fmt: skip
    for position, (speaker, addressee, kind, second) in enumerate(
        [
            ("user", "project_manager", "question", 0),
            ("project_manager", "technical_expert", "directive", 20),
            ("technical_expert", "project_manager", "response", 65),
            ("data_analyst", "project_manager", "response", 130),
            ("project_manager", "user", "synthesis", 158),
        ]
    ):
        session.add(
            ConversationMessage(
                conversation_id=row.id, position=position, speaker=speaker, addressee=addressee, kind=kind,
                content=f"Words of message {position}", occurred_at=at(second),
            )
        )  # fmt: skip
    session.flush()
    return row
