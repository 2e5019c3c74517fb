"""Who changed what, who may use Helios at all, by which keys, and how long things are kept."""

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

from helios_core.models.base import CURRENT_USER_ID, Base, BigId, CreatedAt, JsonList, Owned, UpdatedAt, type_json


class AuditEvent(Base):
    """One change: who made it, when, why, and what was there before and after. Never changed, never deleted."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "user_id", "occurred_at"),
        Index(None, "actor_id", "occurred_at"),
        Index(None, "occurred_at"),
        Index(None, "subject", "subject_id", "occurred_at"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="SET NULL"), sort_order=-1)
    """Whose thing was changed; None for the inventory and for defaults of all users."""
    actor_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("users.id", ondelete="SET NULL"), server_default=CURRENT_USER_ID
    )
    """Who changed it; None is Helios itself."""
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    """The table of what was changed."""
    subject_id: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, object] | None] = mapped_column(type_json)
    after: Mapped[dict[str, object] | None] = mapped_column(type_json)
    occurred_at: Mapped[CreatedAt]


class AlertAcknowledgement(Owned, Base):
    """That its user has seen an alert, which is named by its kind and the id of what it is about."""

    __tablename__ = "alert_acknowledgements"
    __table_args__ = (
        UniqueConstraint("user_id", "alert"),
        CheckConstraint("char_length(alert) BETWEEN 1 AND 63", name="alert"),
        CheckConstraint("char_length(note) <= 500", name="note"),
        Index(None, "alert"),
    )

    id: Mapped[BigId]
    alert: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class FeatureActivation(Base):
    """Whether Helios is enabled for a user; the row without a user says for how many of all others."""

    __tablename__ = "feature_activations"
    __table_args__ = (
        UniqueConstraint("user_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("rollout_percent BETWEEN 0 AND 100", name="rollout_percent"),
        CheckConstraint("(user_id IS NULL) = (rollout_percent IS NOT NULL)", name="one_kind"),
        CheckConstraint("(user_id IS NULL) = (is_enabled IS NULL)", name="one_answer"),
    )

    id: Mapped[BigId]
    user_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"), sort_order=-1)
    is_enabled: Mapped[bool | None]
    rollout_percent: Mapped[int | None] = mapped_column(SmallInteger)
    updated_at: Mapped[UpdatedAt]


class ApiKey(Owned, Base):
    """A key to the REST API. Only a hash of its secret is kept, so it is shown once."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("user_id", "name"),
        CheckConstraint("key_id ~ '^[A-Za-z0-9]{8}$'", name="key_id"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(Text)
    key_id: Mapped[str] = mapped_column(Text, unique=True)
    secret_hash: Mapped[str] = mapped_column(Text)
    scopes: Mapped[JsonList]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RetentionRule(Base):
    """How many days data of one class is kept; a class without a rule is kept for ever."""

    __tablename__ = "retention_rules"
    __table_args__ = (
        CheckConstraint("keep_days > 0", name="keep_days"),
        CheckConstraint("data_class IN ('conversations', 'blackboard_events', 'gpu_events')", name="data_class"),
    )

    data_class: Mapped[str] = mapped_column(Text, primary_key=True)
    keep_days: Mapped[int] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    updated_at: Mapped[UpdatedAt]
