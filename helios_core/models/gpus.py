"""GPUs: the inventory, what was promised of them, and what was measured on them."""

from datetime import datetime

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import DynamicMapped, Mapped, mapped_column, relationship

from helios_core.models.base import Base, BigId, CreatedAt, JsonObject, Owned, UpdatedAt
from helios_core.models.enums import GPUAllocationStatus, native


class GPUResource(Base):
    """One card, known by its UUID. Its `id` counts from 0 and is never given to another card.

    Memory is in MiB, as the driver reports it; what was never measured is None.
    """

    __tablename__ = "gpu_resources"
    __table_args__ = (
        CheckConstraint("id >= 0", name="id"),
        CheckConstraint("total_memory_mb > 0", name="total_memory_mb"),
        CheckConstraint("reserved_memory_mb >= 0", name="reserved_memory_mb"),
        CheckConstraint("power_limit_watts > 0", name="power_limit_watts"),
        CheckConstraint("max_concurrent_agents > 0", name="max_concurrent_agents"),
        CheckConstraint("health IN ('ok', 'warning', 'critical', 'lost', 'unknown')", name="health"),
        CheckConstraint("current_utilization_percent BETWEEN 0 AND 100", name="current_utilization_percent"),
        CheckConstraint("current_memory_used_mb >= 0", name="current_memory_used_mb"),
        CheckConstraint("current_power_watts >= 0", name="current_power_watts"),
        Index(None, "host"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(start=0, minvalue=0), primary_key=True)
    uuid: Mapped[str] = mapped_column(Text, unique=True)
    nvml_index: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    host: Mapped[str] = mapped_column(Text)
    is_simulated: Mapped[bool] = mapped_column(server_default=text("false"))
    total_memory_mb: Mapped[int] = mapped_column(Integer)
    reserved_memory_mb: Mapped[int | None] = mapped_column(Integer)
    power_limit_watts: Mapped[float | None] = mapped_column(Float)
    compute_capability: Mapped[str | None] = mapped_column(Text)
    architecture: Mapped[str | None] = mapped_column(Text)
    pci_bus_id: Mapped[str | None] = mapped_column(Text)
    driver_version: Mapped[str | None] = mapped_column(Text)
    cuda_version: Mapped[str | None] = mapped_column(Text)
    slowdown_temperature_celsius: Mapped[int | None] = mapped_column(SmallInteger)
    shutdown_temperature_celsius: Mapped[int | None] = mapped_column(SmallInteger)
    max_temperature_celsius: Mapped[int | None] = mapped_column(SmallInteger)
    max_concurrent_agents: Mapped[int | None] = mapped_column(SmallInteger)
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    health: Mapped[str] = mapped_column(Text, server_default="unknown")
    health_message: Mapped[str | None] = mapped_column(Text)
    current_utilization_percent: Mapped[float | None] = mapped_column(Float)
    current_memory_used_mb: Mapped[int | None] = mapped_column(Integer)
    current_temperature_celsius: Mapped[float | None] = mapped_column(Float)
    current_power_watts: Mapped[float | None] = mapped_column(Float)
    sampled_at: Mapped[datetime | None]
    unsupported: Mapped[JsonObject]
    """What the card cannot report, and why: `{"fan_percent": "not reported by this GPU"}`."""
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]

    allocations: DynamicMapped["GPUAllocation"] = relationship(back_populates="gpu", passive_deletes=True)


class GPUAllocation(Owned, Base):
    """A promise of GPU memory and compute to an agent; it ends by `released_at`."""

    __tablename__ = "gpu_allocations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "configuration_id"],
            ["agent_configurations.user_id", "agent_configurations.id"],
            ondelete="SET NULL (configuration_id)",
        ),
        CheckConstraint("allocated_memory_mb >= 0", name="allocated_memory_mb"),
        CheckConstraint("current_memory_usage_mb >= 0", name="current_memory_usage_mb"),
        CheckConstraint("compute_percent BETWEEN 0 AND 100", name="compute_percent"),
        CheckConstraint("current_utilization_percent BETWEEN 0 AND 100", name="current_utilization_percent"),
        CheckConstraint("released_at >= allocated_at", name="released_at"),
        CheckConstraint("configuration_id IS NULL OR default_configuration_id IS NULL", name="one_configuration"),
        Index("uq_gpu_allocations_live", "user_id", "agent_id", "gpu_id", unique=True,
              postgresql_where=text("released_at IS NULL")),
        Index("ix_gpu_allocations_gpu_id_live", "gpu_id", postgresql_where=text("released_at IS NULL")),
        Index(None, "user_id", "allocated_at"),
        Index(None, "configuration_id"),
        Index(None, "default_configuration_id"),
        Index(None, "gpu_id"),
        Index(None, "agent_id", "id"),
        Index(None, "gpu_id", "id"),
        Index(None, "user_id", "agent_id", "id"),
    )  # fmt: skip

    id: Mapped[BigId]
    gpu_id: Mapped[int] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"))
    agent_id: Mapped[str] = mapped_column(Text)
    configuration_id: Mapped[int | None] = mapped_column(BigInteger)
    default_configuration_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("agent_configurations.id", ondelete="SET NULL")
    )
    model_name: Mapped[str | None] = mapped_column(Text)
    status: Mapped[GPUAllocationStatus] = mapped_column(
        native(GPUAllocationStatus), server_default=GPUAllocationStatus.ACTIVE.value
    )
    allocated_memory_mb: Mapped[int] = mapped_column(Integer)
    current_memory_usage_mb: Mapped[int | None] = mapped_column(Integer)
    compute_percent: Mapped[float | None] = mapped_column(Float)
    current_utilization_percent: Mapped[float | None] = mapped_column(Float)
    allocated_at: Mapped[CreatedAt]
    released_at: Mapped[datetime | None]
    release_reason: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[UpdatedAt]

    gpu: Mapped[GPUResource] = relationship(back_populates="allocations", lazy="raise")


class GPUProcess(Base):
    """A process that a card reported at its last reading."""

    __tablename__ = "gpu_processes"
    __table_args__ = (CheckConstraint("memory_used_mb >= 0", name="memory_used_mb"),)

    gpu_id: Mapped[int] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"), primary_key=True)
    pid: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str | None] = mapped_column(Text)
    memory_used_mb: Mapped[int | None] = mapped_column(Integer)
    first_seen_at: Mapped[CreatedAt]
    seen_at: Mapped[CreatedAt]


class GPUEvent(Base):
    """Something that happened to a card: its health changed, it slowed down, it was lost."""

    __tablename__ = "gpu_events"
    __table_args__ = (
        CheckConstraint("severity IN ('ok', 'warning', 'critical', 'unknown')", name="severity"),
        Index(None, "occurred_at"),
        Index(None, "gpu_id", "occurred_at"),
    )

    id: Mapped[BigId]
    gpu_id: Mapped[int | None] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"))
    occurred_at: Mapped[CreatedAt]
    severity: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)


class Collector(Base):
    """The process that reads the cards of one host: when it last succeeded, and what is wrong with the host.

    What the host has itself, cores and MiB of memory, is None where the system does not tell.
    """

    __tablename__ = "collectors"
    __table_args__ = (
        CheckConstraint("host_cpu_cores > 0", name="host_cpu_cores"),
        CheckConstraint("host_memory_mb > 0", name="host_memory_mb"),
    )

    host: Mapped[str] = mapped_column(Text, primary_key=True)
    pid: Mapped[int] = mapped_column(Integer)
    interval_seconds: Mapped[float] = mapped_column(Float)
    is_simulated: Mapped[bool]
    started_at: Mapped[CreatedAt]
    last_success_at: Mapped[datetime | None]
    message: Mapped[str | None] = mapped_column(Text)
    host_cpu_cores: Mapped[int | None] = mapped_column(Integer)
    host_memory_mb: Mapped[int | None] = mapped_column(Integer)


class GPUSample(Base):
    """One reading of one card. Partitioned by day."""

    __tablename__ = "gpu_samples"
    __table_args__ = (
        CheckConstraint("utilization_percent BETWEEN 0 AND 100", name="utilization_percent"),
        CheckConstraint("memory_used_mb >= 0", name="memory_used_mb"),
        CheckConstraint("power_watts >= 0", name="power_watts"),
        {"postgresql_partition_by": "RANGE (sampled_at)"},
    )

    gpu_id: Mapped[int] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"), primary_key=True)
    sampled_at: Mapped[datetime] = mapped_column(primary_key=True)
    utilization_percent: Mapped[int | None] = mapped_column(SmallInteger)
    memory_controller_percent: Mapped[int | None] = mapped_column(SmallInteger)
    memory_used_mb: Mapped[int | None] = mapped_column(Integer)
    temperature_celsius: Mapped[int | None] = mapped_column(SmallInteger)
    power_watts: Mapped[float | None] = mapped_column(REAL)
    sm_clock_mhz: Mapped[int | None] = mapped_column(Integer)
    memory_clock_mhz: Mapped[int | None] = mapped_column(Integer)
    fan_percent: Mapped[int | None] = mapped_column(SmallInteger)
    performance_state: Mapped[int | None] = mapped_column(SmallInteger)
    throttle_reasons: Mapped[int | None] = mapped_column(BigInteger)
    """NVML's bit mask of clock event reasons."""


class GPUSampleRollup(Base):
    """The samples of one card in one interval of 10, 60 or 3,600 s. Partitioned by the interval's length."""

    __tablename__ = "gpu_sample_rollups"
    __table_args__ = (
        CheckConstraint("sample_count > 0", name="sample_count"),
        {"postgresql_partition_by": "LIST (resolution_seconds)"},
    )

    resolution_seconds: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    gpu_id: Mapped[int] = mapped_column(Integer, ForeignKey("gpu_resources.id", ondelete="CASCADE"), primary_key=True)
    bucket_at: Mapped[datetime] = mapped_column(primary_key=True)
    """The start of the interval."""
    sample_count: Mapped[int] = mapped_column(Integer)
    utilization_percent_avg: Mapped[float | None] = mapped_column(REAL)
    utilization_percent_max: Mapped[float | None] = mapped_column(REAL)
    memory_used_mb_avg: Mapped[float | None] = mapped_column(REAL)
    memory_used_mb_max: Mapped[float | None] = mapped_column(REAL)
    temperature_celsius_avg: Mapped[float | None] = mapped_column(REAL)
    temperature_celsius_max: Mapped[float | None] = mapped_column(REAL)
    power_watts_avg: Mapped[float | None] = mapped_column(REAL)
    power_watts_max: Mapped[float | None] = mapped_column(REAL)
    sm_clock_mhz_avg: Mapped[float | None] = mapped_column(REAL)
    memory_clock_mhz_avg: Mapped[float | None] = mapped_column(REAL)
    fan_percent_avg: Mapped[float | None] = mapped_column(REAL)
    throttle_reasons: Mapped[int | None] = mapped_column(BigInteger)
    """Every reason that was set at any time in the interval."""
