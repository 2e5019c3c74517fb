"""Placement: plans and their moves, decisions with their reasons, quotas, leases, and what is wrong with a card."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import (
    CURRENT_USER_ID,
    Base,
    BigId,
    CreatedAt,
    GpuIds,
    JsonList,
    JsonObject,
    Owned,
    UpdatedAt,
)
from helios_core.models.enums import ModelProvider, native

SEVERAL_CARDS = "from_further_gpu_ids <> '{}'::integer[] OR to_further_gpu_ids <> '{}'::integer[]"
"""What a decision about an agent on several cards has: a part that is indexed by itself."""


class PlacementPlan(Base):
    """Moves of agents that hold together: a draft until they are made, all at once, and then undone, all at once."""

    __tablename__ = "placement_plans"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'applied', 'undone', 'discarded')", name="status"),
        CheckConstraint("cause IN ('person', 'balancing')", name="cause"),
        CheckConstraint("undone_at >= applied_at", name="undone_at"),
        Index(None, "created_at"),
        Index("ix_placement_plans_drafts", "created_at", postgresql_where=text("status = 'draft'")),
    )

    id: Mapped[BigId]
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    cause: Mapped[str] = mapped_column(Text, server_default="person")
    title: Mapped[str] = mapped_column(Text)
    reasons: Mapped[JsonList]
    """Sentences: what the plan is for."""
    created_by: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="SET NULL"), server_default=CURRENT_USER_ID
    )
    """None is Helios itself."""
    created_at: Mapped[CreatedAt]
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    updated_at: Mapped[UpdatedAt]


class PlacementMove(Base):
    """One agent's way in a plan. Without a card before or after, it had none, or is to have none."""

    __tablename__ = "placement_moves"
    __table_args__ = (
        CheckConstraint("memory_mb >= 0", name="memory_mb"),
        Index(None, "plan_id", "position"),
        Index(None, "configuration_id"),
        Index(None, "user_id", "id"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), sort_order=-1)
    """Whose agent it is; None is the default of all users."""
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("placement_plans.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(SmallInteger)
    configuration_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("agent_configurations.id", ondelete="SET NULL")
    )
    agent_id: Mapped[str] = mapped_column(Text)
    version_before: Mapped[int] = mapped_column(Integer)
    version_after: Mapped[int | None] = mapped_column(Integer)
    """Of the configuration, as the plan found it, and as it left it."""
    from_gpu_id: Mapped[int | None] = mapped_column(Integer)
    to_gpu_id: Mapped[int | None] = mapped_column(Integer)
    from_further_gpu_ids: Mapped[GpuIds]
    to_further_gpu_ids: Mapped[GpuIds]
    memory_mb: Mapped[int | None] = mapped_column(Integer)
    explanation: Mapped[JsonObject]
    newcomer: Mapped[dict[str, Any] | None]
    """The agent that the plan adds, as it will be created; None: it is there."""


class PlacementDecision(Base):
    """Where an agent was put, or why nowhere, with the reasons as they were. Never changed."""

    __tablename__ = "placement_decisions"
    __table_args__ = (
        CheckConstraint("outcome IN ('placed', 'moved', 'kept', 'released', 'refused')", name="outcome"),
        CheckConstraint("cause IN ('asked', 'plan', 'undo', 'lease')", name="cause"),
        CheckConstraint("memory_mb >= 0", name="memory_mb"),
        Index(None, "decided_at"),
        Index(None, "user_id", "decided_at"),
        Index(None, "agent_id", "decided_at"),
        Index(None, "outcome", "decided_at"),
        Index(None, "to_gpu_id", "decided_at"),
        Index(None, "from_gpu_id", "decided_at"),
        Index("ix_placement_decisions_several_cards", "decided_at", postgresql_where=text(SEVERAL_CARDS)),
        Index(None, "configuration_id"),
        Index(None, "plan_id"),
        Index(None, "actor_id"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), sort_order=-1)
    """Whose agent it is; None is the default of all users."""
    actor_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="SET NULL"), server_default=CURRENT_USER_ID
    )
    """Who asked for it; None is Helios itself."""
    plan_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("placement_plans.id", ondelete="SET NULL"))
    configuration_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("agent_configurations.id", ondelete="SET NULL")
    )
    agent_id: Mapped[str] = mapped_column(Text)
    model_name: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    from_gpu_id: Mapped[int | None] = mapped_column(Integer)
    to_gpu_id: Mapped[int | None] = mapped_column(Integer)
    from_further_gpu_ids: Mapped[GpuIds]
    to_further_gpu_ids: Mapped[GpuIds]
    memory_mb: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    """What somebody said why."""
    explanation: Mapped[JsonObject]
    """Why here, and for every other card why not."""
    decided_at: Mapped[CreatedAt]


class PlacementQuota(Base):
    """How much memory of all cards together a user's agents may be promised; the row of nobody is for all others."""

    __tablename__ = "placement_quotas"
    __table_args__ = (
        UniqueConstraint("user_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("max_memory_mb >= 0", name="max_memory_mb"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), sort_order=-1)
    max_memory_mb: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[UpdatedAt]


class PlacementLease(Owned, Base):
    """An allocation that lasts only while its holder says that it lives."""

    __tablename__ = "placement_leases"
    __table_args__ = (
        CheckConstraint("lease_seconds BETWEEN 1 AND 86400", name="lease_seconds"),
        Index(None, "expires_at"),
        Index(None, "user_id"),
    )

    allocation_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("gpu_allocations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    holder: Mapped[str] = mapped_column(Text)
    """The process that holds it, in its own words."""
    lease_seconds: Mapped[int] = mapped_column(Integer)
    renewed_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]


class GPUTrouble(Base):
    """Something that was wrong with a card for long enough to act on it, from when until when."""

    __tablename__ = "gpu_troubles"
    __table_args__ = (
        CheckConstraint("kind IN ('hot', 'throttled', 'lost', 'over_promised')", name="kind"),
        CheckConstraint("seen_at >= began_at", name="seen_at"),
        CheckConstraint("ended_at >= began_at", name="ended_at"),
        Index("uq_gpu_troubles_open", "gpu_id", "kind", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "began_at"),
        Index(None, "plan_id"),
    )

    id: Mapped[BigId]
    gpu_id: Mapped[int] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    """When it was first seen; it counts when it has lasted."""
    seen_at: Mapped[datetime]
    """When it was last seen."""
    calm_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    plan_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("placement_plans.id", ondelete="SET NULL"))


class ModelMeasurement(Base):
    """What so many agents on one loaded model were measured to take of a card at most, in MiB."""

    __tablename__ = "model_measurements"
    __table_args__ = (
        UniqueConstraint(
            "model_provider",
            "model_name",
            "context_tokens",
            "agents",
            name="uq_model_measurements_load",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("context_tokens > 0", name="context_tokens"),
        CheckConstraint("agents > 0", name="agents"),
        CheckConstraint("readings > 0", name="readings"),
        CheckConstraint("peak_memory_mb >= 0", name="peak_memory_mb"),
    )

    id: Mapped[BigId]
    model_provider: Mapped[ModelProvider] = mapped_column(native(ModelProvider))
    model_name: Mapped[str] = mapped_column(Text)
    context_tokens: Mapped[int | None] = mapped_column(Integer)
    agents: Mapped[int] = mapped_column(SmallInteger)
    readings: Mapped[int] = mapped_column(Integer)
    peak_memory_mb: Mapped[int] = mapped_column(Integer)
    measured_at: Mapped[CreatedAt]


class ModelFact(Base):
    """What a provider told of a model: what an estimate of its memory follows from."""

    __tablename__ = "model_facts"
    __table_args__ = (UniqueConstraint("model_provider", "model_name"),)

    id: Mapped[BigId]
    model_provider: Mapped[ModelProvider] = mapped_column(native(ModelProvider))
    model_name: Mapped[str] = mapped_column(Text)
    architecture: Mapped[JsonObject]
    """Its dimensions, by the names of the estimate."""
    learned_at: Mapped[CreatedAt]
