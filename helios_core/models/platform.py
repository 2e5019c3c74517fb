"""The tables that Helios extends, and that a host system may already have."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import Base, BigId, CreatedAt, JsonObject, Owned, UpdatedAt, type_json

UuidId = Annotated[
    UUID,
    mapped_column(
        primary_key=True,
        server_default=func.gen_random_uuid(),
        insert_default=uuid4,
        sort_order=-2,
    ),
]


class User(Base):
    """Somebody who signs in; `role` says what they may do."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('admin', 'operator', 'user', 'viewer')", name="role"),)

    id: Mapped[BigId]
    username: Mapped[str] = mapped_column(Text, unique=True)
    email: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default="user", insert_default="user")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), insert_default=True)
    created_at: Mapped[CreatedAt]


class UserProfile(Owned, Base):
    """How a user wants to be addressed, and in which zone and language."""

    __tablename__ = "user_profiles"

    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    display_name: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    preferences: Mapped[JsonObject]
    updated_at: Mapped[UpdatedAt]


class ChatModeSession(Owned, Base):
    """A chat in which conversations of the team take place."""

    __tablename__ = "chat_mode_sessions"
    __table_args__ = (Index(None, "user_id", "created_at"),)

    id: Mapped[UuidId]
    mode: Mapped[str] = mapped_column(Text, server_default="multi_agent", insert_default="multi_agent")
    title: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class BlackboardEvent(Owned, Base):
    """Something that an agent announced to the others."""

    __tablename__ = "blackboard_events"
    __table_args__ = (Index(None, "user_id", "created_at"), Index(None, "session_id"))

    id: Mapped[BigId]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="CASCADE"))
    source_agent_id: Mapped[str] = mapped_column(Text)
    event_type: Mapped[str] = mapped_column(Text)
    event_payload: Mapped[JsonObject]
    created_at: Mapped[CreatedAt]


class ConsensusMemoryNode(Owned, Base):
    """A piece of knowledge that the team agreed on."""

    __tablename__ = "consensus_memory_nodes"
    __table_args__ = (
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        Index(None, "user_id", "created_at"),
        Index(None, "session_id"),
    )

    id: Mapped[UuidId]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="SET NULL"))
    node_type: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    confidence: Mapped[float | None] = mapped_column(Float)
    attributes: Mapped[JsonObject]
    created_at: Mapped[CreatedAt]


class ConsensusMemoryEdge(Owned, Base):
    """How one piece of knowledge relates to another."""

    __tablename__ = "consensus_memory_edges"
    __table_args__ = (
        CheckConstraint("weight BETWEEN 0 AND 1", name="weight"),
        UniqueConstraint("source_node_id", "target_node_id", "relation", name="uq_consensus_memory_edges_relation"),
        Index(None, "target_node_id"),
        Index(None, "user_id"),
    )

    id: Mapped[BigId]
    source_node_id: Mapped[UUID] = mapped_column(ForeignKey("consensus_memory_nodes.id", ondelete="CASCADE"))
    target_node_id: Mapped[UUID] = mapped_column(ForeignKey("consensus_memory_nodes.id", ondelete="CASCADE"))
    relation: Mapped[str] = mapped_column(Text)
    weight: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[CreatedAt]


class AgentContextState(Owned, Base):
    """What an agent remembers, in one of three tiers: private, shared, consensus."""

    __tablename__ = "agent_context_states"
    __table_args__ = (
        CheckConstraint("context_tier IN ('private', 'shared', 'consensus')", name="context_tier"),
        UniqueConstraint(
            "user_id", "session_id", "agent_id", "context_tier", "context_key", name="uq_agent_context_states_entry"
        ),
        Index(None, "session_id"),
    )

    id: Mapped[BigId]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="CASCADE"))
    agent_id: Mapped[str] = mapped_column(Text)
    context_tier: Mapped[str] = mapped_column(Text)
    context_key: Mapped[str] = mapped_column(Text)
    context_value: Mapped[Any | None] = mapped_column(type_json)
    updated_at: Mapped[UpdatedAt]


class ValidationCheckpoint(Owned, Base):
    """A check of quality that something passed or failed."""

    __tablename__ = "validation_checkpoints"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'passed', 'failed', 'skipped')", name="status"),
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        Index(None, "user_id", "created_at"),
        Index(None, "session_id"),
    )

    id: Mapped[BigId]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("chat_mode_sessions.id", ondelete="CASCADE"))
    checkpoint_type: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="pending", insert_default="pending")
    score: Mapped[float | None] = mapped_column(Float)
    details: Mapped[JsonObject]
    created_at: Mapped[CreatedAt]
    completed_at: Mapped[datetime | None]


PLATFORM_TABLES = (
    "users",
    "user_profiles",
    "chat_mode_sessions",
    "blackboard_events",
    "consensus_memory_nodes",
    "consensus_memory_edges",
    "agent_context_states",
    "validation_checkpoints",
)
