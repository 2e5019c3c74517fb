"""Conversations: sessions of a team, who took part, what was said, and in which phases."""

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
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import Base, BigId, CreatedAt, JsonObject, Owned, UpdatedAt
from helios_core.models.enums import ConversationPhase, native


def of_conversation() -> ForeignKeyConstraint:
    """The key that ties a user's row to a conversation of the same user."""
    return ForeignKeyConstraint(
        ["user_id", "conversation_id"],
        ["multi_agent_conversations.user_id", "multi_agent_conversations.id"],
        ondelete="CASCADE",
    )


class MultiAgentConversation(Owned, Base):
    """One session of a team through its phases. It is under way while it has no outcome."""

    __tablename__ = "multi_agent_conversations"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("user_id", "source_digest"),
        CheckConstraint("outcome IN ('completed', 'failed', 'cancelled', 'timeout')", name="outcome"),
        CheckConstraint("source IN ('live', 'rehearsal', 'import', 'sample')", name="source"),
        CheckConstraint("ended_at >= started_at", name="ended_at"),
        CheckConstraint("satisfaction_rating BETWEEN 1 AND 5", name="satisfaction_rating"),
        CheckConstraint("consensus_score BETWEEN 0 AND 1", name="consensus_score"),
        Index(None, "user_id", "created_at"),
        Index(None, "created_at"),
        Index(None, "session_id"),
        Index("ix_multi_agent_conversations_under_way", "user_id", "created_at",
              postgresql_where=text("outcome IS NULL")),
        Index("ix_multi_agent_conversations_under_way_created_at", "created_at",
              postgresql_where=text("outcome IS NULL")),
        Index("ix_multi_agent_conversations_samples", "user_id", postgresql_where=text("source = 'sample'")),
        Index(None, "outcome", "created_at"),
        Index(None, "source", "created_at"),
        Index(None, "user_id", "outcome", "created_at"),
        Index(None, "user_id", "source", "created_at"),
        Index("ix_multi_agent_conversations_attributes", "attributes", postgresql_using="gin",
              postgresql_ops={"attributes": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="SET NULL"))
    title: Mapped[str] = mapped_column(Text)
    question: Mapped[str | None] = mapped_column(Text)
    pm_agent_id: Mapped[str | None] = mapped_column(Text)
    current_phase: Mapped[ConversationPhase] = mapped_column(
        native(ConversationPhase), server_default=ConversationPhase.INITIALIZATION.value
    )
    outcome: Mapped[str | None] = mapped_column(Text)
    outcome_reason: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text, server_default="live")
    source_name: Mapped[str | None] = mapped_column(Text)
    """Where it came from: the file's name, the framework."""
    source_digest: Mapped[str | None] = mapped_column(Text)
    """SHA-256 of what was imported, so that the same file twice is one conversation."""
    consensus_score: Mapped[float | None] = mapped_column(Float)
    satisfaction_rating: Mapped[float | None] = mapped_column(Float)
    attributes: Mapped[JsonObject]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class AgentParticipation(Owned, Base):
    """What one agent contributed to one conversation. What was not measured is None."""

    __tablename__ = "agent_participations"
    __table_args__ = (
        of_conversation(),
        UniqueConstraint("conversation_id", "agent_id"),
        CheckConstraint("turns >= 0", name="turns"),
        CheckConstraint("input_tokens >= 0", name="input_tokens"),
        CheckConstraint("output_tokens >= 0", name="output_tokens"),
        CheckConstraint("first_response_seconds >= 0", name="first_response_seconds"),
        CheckConstraint("average_response_seconds >= 0", name="average_response_seconds"),
        CheckConstraint("quality_score BETWEEN 0 AND 1", name="quality_score"),
        CheckConstraint("satisfaction_rating BETWEEN 1 AND 5", name="satisfaction_rating"),
        CheckConstraint("contribution_percent BETWEEN 0 AND 100", name="contribution_percent"),
        CheckConstraint("left_at >= joined_at", name="left_at"),
        Index(None, "user_id", "agent_id"),
    )

    id: Mapped[BigId]
    conversation_id: Mapped[int] = mapped_column(BigInteger)
    agent_id: Mapped[str] = mapped_column(Text)
    """A configured agent's id, or the name under which an imported file knows the speaker."""
    display_name: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default="expert")
    model_name: Mapped[str | None] = mapped_column(Text)
    turns: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    first_response_seconds: Mapped[float | None] = mapped_column(Float)
    average_response_seconds: Mapped[float | None] = mapped_column(Float)
    quality_score: Mapped[float | None] = mapped_column(Float)
    satisfaction_rating: Mapped[float | None] = mapped_column(Float)
    contribution_percent: Mapped[float | None] = mapped_column(Float)
    joined_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class ConversationPhaseSpan(Owned, Base):
    """One stay of a conversation in one phase; `review` may send it back, so a phase can come twice."""

    __tablename__ = "conversation_phases"
    __table_args__ = (
        of_conversation(),
        CheckConstraint("ended_at >= started_at", name="ended_at"),
        CheckConstraint("position >= 0", name="position"),
        Index(None, "user_id", "conversation_id"),
    )

    conversation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    phase: Mapped[ConversationPhase] = mapped_column(native(ConversationPhase))
    label: Mapped[str | None] = mapped_column(Text)
    """What the source calls the phase, where it has a name of its own."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ConversationMessage(Owned, Base):
    """One message of the transcript, in its order. A time that nobody recorded is None."""

    __tablename__ = "conversation_messages"
    __table_args__ = (
        of_conversation(),
        ForeignKeyConstraint(
            ["user_id", "delegation_id"],
            ["task_delegations.user_id", "task_delegations.id"],
            ondelete="SET NULL (delegation_id)",
        ),
        CheckConstraint(
            "kind IN ('question', 'plan', 'thought', 'directive', 'response', 'synthesis', 'review', 'tool', 'note')",
            name="kind",
        ),
        CheckConstraint("position >= 0", name="position"),
        CheckConstraint("input_tokens >= 0", name="input_tokens"),
        CheckConstraint("output_tokens >= 0", name="output_tokens"),
        Index(None, "user_id", "conversation_id"),
        Index(None, "delegation_id"),
    )

    conversation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    speaker: Mapped[str] = mapped_column(Text)
    """The participation's `agent_id`, or `user` for the person who asked."""
    addressee: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    phase: Mapped[ConversationPhase | None] = mapped_column(native(ConversationPhase))
    content: Mapped[str] = mapped_column(Text)
    delegation_id: Mapped[int | None] = mapped_column(BigInteger)
    input_tokens: Mapped[int | None] = mapped_column(Integer)
    output_tokens: Mapped[int | None] = mapped_column(Integer)
    occurred_at: Mapped[datetime | None]
