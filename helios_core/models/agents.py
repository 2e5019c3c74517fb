"""Agents: their configurations, and their profiles."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import CURRENT_USER_ID, Base, BigId, CreatedAt, GpuIds, JsonList, JsonObject, UpdatedAt
from helios_core.models.enums import AgentStatus, ModelProvider, native


class AgentConfiguration(Base):
    """Which model an agent uses, where, and how.

    A configuration without a user is the default of all users. `version` grows with every change, so that nobody
    overwrites a change that they have not seen.
    """

    __tablename__ = "agent_configurations"
    __table_args__ = (
        UniqueConstraint("user_id", "agent_id", postgresql_nulls_not_distinct=True),
        UniqueConstraint("user_id", "id"),
        CheckConstraint("agent_id ~ '^[a-z][a-z0-9_]{0,62}$'", name="agent_id"),
        CheckConstraint("allocated_memory_mb >= 0", name="allocated_memory_mb"),
        CheckConstraint("context_tokens > 0", name="context_tokens"),
        CheckConstraint("temperature BETWEEN 0 AND 2", name="temperature"),
        CheckConstraint("timeout_seconds BETWEEN 1 AND 86400", name="timeout_seconds"),
        CheckConstraint("max_retries BETWEEN 0 AND 10", name="max_retries"),
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(
            "array_position(further_gpu_ids, NULL) IS NULL AND (gpu_assignment <> ALL (further_gpu_ids)) IS NOT FALSE",
            name="further_gpu_ids",
        ),
        Index(None, "gpu_assignment"),
        Index("ix_agent_configurations_constraints", "constraints", postgresql_using="gin",
              postgresql_ops={"constraints": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    agent_id: Mapped[str] = mapped_column(Text)
    assigned_llm: Mapped[str] = mapped_column(Text)
    model_provider: Mapped[ModelProvider] = mapped_column(native(ModelProvider))
    gpu_assignment: Mapped[int | None] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="SET NULL"))
    allocated_memory_mb: Mapped[int | None] = mapped_column(Integer)
    context_tokens: Mapped[int | None] = mapped_column(Integer)
    temperature: Mapped[float | None] = mapped_column(Float)
    system_prompt: Mapped[str] = mapped_column(Text, server_default="")
    constraints: Mapped[JsonObject]
    timeout_seconds: Mapped[int] = mapped_column(Integer, server_default=text("120"))
    max_retries: Mapped[int] = mapped_column(SmallInteger, server_default=text("2"))
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("5"))
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    further_gpu_ids: Mapped[GpuIds]
    """The other cards, where it is on several at once; `gpu_assignment` is the first."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class AgentConfigurationVersion(Base):
    """A configuration as it was from one save to the next; the newest equals the configuration."""

    __tablename__ = "agent_configuration_versions"
    __table_args__ = (
        UniqueConstraint("configuration_id", "version"),
        Index(None, "user_id", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    configuration_id: Mapped[int] = mapped_column(ForeignKey("agent_configurations.id", ondelete="CASCADE"))
    agent_id: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    snapshot: Mapped[JsonObject]
    changed_by: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="SET NULL"), server_default=CURRENT_USER_ID
    )
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class AgentProfile(Base):
    """Who an agent is, what it can do, what it is doing, and how it has done so far.

    A profile without a user describes the agent to all; a user's own row carries what it does and did for that user.
    """

    __tablename__ = "agent_profiles"
    __table_args__ = (
        UniqueConstraint("user_id", "agent_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("total_delegations >= 0", name="total_delegations"),
        CheckConstraint("completed_delegations >= 0", name="completed_delegations"),
        CheckConstraint("failed_delegations >= 0", name="failed_delegations"),
        CheckConstraint("completed_delegations + failed_delegations <= total_delegations", name="ended_delegations"),
        CheckConstraint("average_response_seconds >= 0", name="average_response_seconds"),
        CheckConstraint("average_quality_score BETWEEN 0 AND 1", name="average_quality_score"),
        Index("ix_agent_profiles_capabilities", "capabilities", postgresql_using="gin",
              postgresql_ops={"capabilities": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    agent_id: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    capabilities: Mapped[JsonList]
    status: Mapped[AgentStatus] = mapped_column(native(AgentStatus), server_default=AgentStatus.OFFLINE.value)
    status_since: Mapped[datetime | None]
    status_note: Mapped[str | None] = mapped_column(Text)
    last_active_at: Mapped[datetime | None]
    total_delegations: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    completed_delegations: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    failed_delegations: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    average_response_seconds: Mapped[float | None] = mapped_column(Float)
    average_quality_score: Mapped[float | None] = mapped_column(Float)
    performance_metrics: Mapped[JsonObject]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
