"""The model servers that may be asked."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from helios_core.models.base import Base, BigId, CreatedAt, UpdatedAt
from helios_core.models.enums import ModelProvider, native


class ProviderEndpoint(Base):
    """An address that operators allow agents' models to be asked at, and where its key comes from.

    A key is in the environment or in a file, of which `key_reference` is the name, or here, sealed. At most one
    endpoint of a provider is enabled; the rehearsal stands in where no other is.
    """

    __tablename__ = "provider_endpoints"
    __table_args__ = (
        CheckConstraint("address ~ '^https?://'", name="address"),
        CheckConstraint("key_source IN ('none', 'environment', 'file', 'database')", name="key_source"),
        CheckConstraint("(key_source IN ('environment', 'file')) = (key_reference IS NOT NULL)", name="key_reference"),
        CheckConstraint("(key_source = 'database') = (sealed_secret IS NOT NULL)", name="sealed_secret"),
        CheckConstraint("NOT is_rehearsal OR (provider = 'ollama' AND key_source = 'none')", name="is_rehearsal"),
        Index("uq_provider_endpoints_enabled", "provider", "is_rehearsal", unique=True,
              postgresql_where=text("is_enabled")),
    )  # fmt: skip

    id: Mapped[BigId]
    provider: Mapped[ModelProvider] = mapped_column(native(ModelProvider))
    name: Mapped[str] = mapped_column(Text, unique=True)
    address: Mapped[str] = mapped_column(Text)
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    allows_link_local: Mapped[bool] = mapped_column(server_default=text("false"))
    is_rehearsal: Mapped[bool] = mapped_column(server_default=text("false"))
    key_source: Mapped[str] = mapped_column(Text, server_default="none")
    key_reference: Mapped[str | None] = mapped_column(Text)
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    key_ends_with: Mapped[str | None] = mapped_column(Text)
    """The last four characters of a sealed key that is long enough to spare them."""
    key_given_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
