"""Load-balancing rules and resource constraints: what the operator allows on the GPUs."""

from datetime import datetime

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

from helios_core.models.base import CURRENT_USER_ID, Base, BigId, CreatedAt, JsonObject, UpdatedAt
from helios_core.models.enums import ModelProvider, native


class LoadBalancingRule(Base):
    """A policy of placement and its limits. Of rules that contradict each other the higher priority holds."""

    __tablename__ = "load_balancing_rules"
    __table_args__ = (
        CheckConstraint("strategy IN ('pack', 'spread', 'least_loaded', 'thermal_headroom')", name="strategy"),
        CheckConstraint("priority BETWEEN 1 AND 10", name="priority"),
        CheckConstraint("max_utilization_percent BETWEEN 0 AND 100", name="max_utilization_percent"),
        CheckConstraint("max_memory_percent BETWEEN 0 AND 100", name="max_memory_percent"),
        CheckConstraint("max_temperature_celsius BETWEEN 0 AND 150", name="max_temperature_celsius"),
        CheckConstraint("max_agents_per_gpu > 0", name="max_agents_per_gpu"),
        CheckConstraint("valid_until > valid_from", name="valid_until"),
        Index("ix_load_balancing_rules_active", "priority", postgresql_where=text("is_active")),
        Index("ix_load_balancing_rules_conditions", "conditions", postgresql_using="gin",
              postgresql_ops={"conditions": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(Text, unique=True)
    description: Mapped[str] = mapped_column(Text, server_default="")
    strategy: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("5"))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    conditions: Mapped[JsonObject]
    """What the rule is about, and when: GPUs, agents, users, models, hours of the day."""
    max_utilization_percent: Mapped[int | None] = mapped_column(SmallInteger)
    max_memory_percent: Mapped[int | None] = mapped_column(SmallInteger)
    max_temperature_celsius: Mapped[int | None] = mapped_column(SmallInteger)
    max_agents_per_gpu: Mapped[int | None] = mapped_column(SmallInteger)
    applies_plans: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a plan that brings a card back within the rule is applied without asking."""
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    created_by: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="SET NULL"), server_default=CURRENT_USER_ID
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class ResourceConstraint(Base):
    """What a model needs of a GPU, and how many agents may share one. Memory is in MiB."""

    __tablename__ = "resource_constraints"
    __table_args__ = (
        UniqueConstraint("model_provider", "model_name"),
        CheckConstraint("min_memory_mb >= 0", name="min_memory_mb"),
        CheckConstraint("recommended_memory_mb >= min_memory_mb", name="recommended_memory_mb"),
        CheckConstraint("min_compute_capability ~ '^[0-9]+[.][0-9]+$'", name="min_compute_capability"),
        CheckConstraint("max_agents_per_gpu > 0", name="max_agents_per_gpu"),
        CheckConstraint("max_context_tokens > 0", name="max_context_tokens"),
        Index("ix_resource_constraints_requirements", "requirements", postgresql_using="gin",
              postgresql_ops={"requirements": "jsonb_path_ops"}),
    )  # fmt: skip

    id: Mapped[BigId]
    model_name: Mapped[str] = mapped_column(Text)
    model_provider: Mapped[ModelProvider] = mapped_column(native(ModelProvider))
    min_memory_mb: Mapped[int | None] = mapped_column(Integer)
    recommended_memory_mb: Mapped[int | None] = mapped_column(Integer)
    min_compute_capability: Mapped[str | None] = mapped_column(Text)
    max_agents_per_gpu: Mapped[int | None] = mapped_column(SmallInteger)
    max_context_tokens: Mapped[int | None] = mapped_column(Integer)
    is_exclusive: Mapped[bool] = mapped_column(server_default=text("false"))
    allows_split: Mapped[bool] = mapped_column(server_default=text("false"))
    requirements: Mapped[JsonObject]
    created_by: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="SET NULL"), server_default=CURRENT_USER_ID
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
