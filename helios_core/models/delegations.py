"""Delegations: tasks from the PM to experts, their responses, and the synthesis of these."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import Base, BigId, CreatedAt, JsonList, JsonObject, Owned, UpdatedAt
from helios_core.models.conversations import of_conversation
from helios_core.models.enums import ModelProvider, TaskDelegationStatus, native

UNDER_WAY = "status IN ('pending', 'in_progress')"
ENDED_BADLY = "status IN ('failed', 'cancelled', 'timeout')"


class TaskDelegation(Owned, Base):
    """One task from the PM to one expert. A retry is a delegation of its own, with `retry_of`."""

    __tablename__ = "task_delegations"
    __table_args__ = (
        of_conversation(),
        UniqueConstraint("user_id", "id"),
        ForeignKeyConstraint(
            ["user_id", "retry_of"],
            ["task_delegations.user_id", "task_delegations.id"],
            ondelete="SET NULL (retry_of)",
        ),
        CheckConstraint("progress_percent BETWEEN 0 AND 100", name="progress_percent"),
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority"),
        CheckConstraint("attempt >= 1", name="attempt"),
        CheckConstraint("retry_of <> id", name="retry_of"),
        CheckConstraint("timeout_seconds > 0", name="timeout_seconds"),
        CheckConstraint("completed_at >= started_at", name="completed_at"),
        Index(None, "user_id", "conversation_id", "position"),
        Index(None, "conversation_id"),
        Index(None, "user_id", "target_agent_id", "created_at"),
        Index(None, "user_id", "created_at"),
        Index(None, "created_at"),
        Index(None, "session_id"),
        Index(None, "blackboard_event_id"),
        Index(None, "gpu_id"),
        Index(None, "retry_of"),
        Index("ix_task_delegations_under_way", "user_id", "created_at", postgresql_where=text(UNDER_WAY)),
        Index("ix_task_delegations_under_way_created_at", "created_at", postgresql_where=text(UNDER_WAY)),
        Index("ix_task_delegations_under_way_target_agent_id", "user_id", "target_agent_id", "created_at",
              postgresql_where=text(UNDER_WAY)),
        Index("ix_task_delegations_ended_badly", "user_id", "created_at", postgresql_where=text(ENDED_BADLY)),
        Index("ix_task_delegations_ended_badly_created_at", "created_at", postgresql_where=text(ENDED_BADLY)),
        Index("ix_task_delegations_under_way_agent", "target_agent_id", "created_at", postgresql_where=text(UNDER_WAY)),
        *(
            Index(f"ix_task_delegations_{end}", "user_id", "created_at", postgresql_where=text(f"status = '{end}'"))
            for end in ("cancelled", "failed", "timeout")
        ),
        *(
            Index(f"ix_task_delegations_{end}_created_at", "created_at", postgresql_where=text(f"status = '{end}'"))
            for end in ("cancelled", "failed", "timeout")
        ),
        Index(None, "target_agent_id", "created_at"),
        Index("ix_task_delegations_requirements", "requirements", postgresql_using="gin",
              postgresql_ops={"requirements": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    conversation_id: Mapped[int | None] = mapped_column(BigInteger)
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="SET NULL"))
    pm_agent_id: Mapped[str] = mapped_column(Text)
    target_agent_id: Mapped[str] = mapped_column(Text)
    task_description: Mapped[str] = mapped_column(Text)
    delegation_directive: Mapped[str | None] = mapped_column(Text)
    requirements: Mapped[JsonList]
    context: Mapped[JsonObject]
    status: Mapped[TaskDelegationStatus] = mapped_column(
        native(TaskDelegationStatus), server_default=TaskDelegationStatus.PENDING.value
    )
    progress_percent: Mapped[int | None] = mapped_column(SmallInteger)
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("5"))
    position: Mapped[int | None] = mapped_column(Integer)
    """The delegation's place in its conversation, known also where no time is."""
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    retry_of: Mapped[int | None] = mapped_column(BigInteger)
    timeout_seconds: Mapped[int | None] = mapped_column(Integer)
    gpu_id: Mapped[int | None] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="SET NULL"))
    blackboard_event_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("blackboard_events.id", ondelete="SET NULL")
    )
    error_message: Mapped[str | None] = mapped_column(Text)
    delegated_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class AgentResponse(Owned, Base):
    """What an expert answered to a delegation. Times, tokens and scores that nobody recorded are None."""

    __tablename__ = "agent_responses"
    __table_args__ = (
        of_conversation(),
        UniqueConstraint("user_id", "id"),
        ForeignKeyConstraint(
            ["user_id", "delegation_id"], ["task_delegations.user_id", "task_delegations.id"], ondelete="CASCADE"
        ),
        CheckConstraint("confidence_score BETWEEN 0 AND 1", name="confidence_score"),
        CheckConstraint("quality_score BETWEEN 0 AND 1", name="quality_score"),
        CheckConstraint("input_tokens >= 0", name="input_tokens"),
        CheckConstraint("output_tokens >= 0", name="output_tokens"),
        CheckConstraint("response_seconds >= 0", name="response_seconds"),
        CheckConstraint("queue_seconds >= 0", name="queue_seconds"),
        CheckConstraint("load_seconds >= 0", name="load_seconds"),
        CheckConstraint("prefill_seconds >= 0", name="prefill_seconds"),
        CheckConstraint("decode_seconds >= 0", name="decode_seconds"),
        CheckConstraint("tool_seconds >= 0", name="tool_seconds"),
        CheckConstraint("completed_at >= started_at", name="completed_at"),
        Index(None, "user_id", "conversation_id", "position"),
        Index(None, "conversation_id"),
        Index(None, "delegation_id"),
        Index(None, "user_id", "agent_id", "created_at"),
        Index(None, "created_at"),
        Index("ix_agent_responses_structured", "structured", postgresql_using="gin",
              postgresql_ops={"structured": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    delegation_id: Mapped[int] = mapped_column(BigInteger)
    conversation_id: Mapped[int | None] = mapped_column(BigInteger)
    agent_id: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    structured: Mapped[JsonObject]
    model_name: Mapped[str | None] = mapped_column(Text)
    model_provider: Mapped[ModelProvider | None] = mapped_column(native(ModelProvider))
    confidence_score: Mapped[float | None] = mapped_column(Float)
    quality_score: Mapped[float | None] = mapped_column(Float)
    input_tokens: Mapped[int | None] = mapped_column(Integer)
    output_tokens: Mapped[int | None] = mapped_column(Integer)
    response_seconds: Mapped[float | None] = mapped_column(Float)
    queue_seconds: Mapped[float | None] = mapped_column(Float)
    load_seconds: Mapped[float | None] = mapped_column(Float)
    prefill_seconds: Mapped[float | None] = mapped_column(Float)
    decode_seconds: Mapped[float | None] = mapped_column(Float)
    tool_seconds: Mapped[float | None] = mapped_column(Float)
    position: Mapped[int | None] = mapped_column(Integer)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class TaskSynthesis(Owned, Base):
    """What the PM made of the responses, and how far the experts agreed."""

    __tablename__ = "task_synthesis"
    __table_args__ = (
        of_conversation(),
        UniqueConstraint("user_id", "id"),
        CheckConstraint("consensus_score BETWEEN 0 AND 1", name="consensus_score"),
        CheckConstraint("quality_score BETWEEN 0 AND 1", name="quality_score"),
        CheckConstraint("effective_votes >= 0", name="effective_votes"),
        Index(None, "user_id", "conversation_id", "position"),
        Index(None, "conversation_id"),
        Index(None, "user_id", "created_at"),
        Index(None, "created_at"),
        Index(None, "consensus_node_id"),
        Index(None, "session_id"),
        Index("ix_task_synthesis_contributions", "contributions", postgresql_using="gin",
              postgresql_ops={"contributions": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    conversation_id: Mapped[int | None] = mapped_column(BigInteger)
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="SET NULL"))
    synthesizer_agent_id: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    contributions: Mapped[JsonList]
    """Who contributed what: `[{"response_id": 7, "agent_id": "…", "weight": 0.4}]`;
    no weight where none was measured."""
    conflicts: Mapped[JsonList]
    minority_report: Mapped[str | None] = mapped_column(Text)
    consensus_score: Mapped[float | None] = mapped_column(Float)
    quality_score: Mapped[float | None] = mapped_column(Float)
    effective_votes: Mapped[float | None] = mapped_column(Float)
    consensus_node_id: Mapped[UUID | None] = mapped_column(ForeignKey("consensus_memory_nodes.id", ondelete="SET NULL"))
    position: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[CreatedAt]
