"""The cards as a reader sees them: what each is, how it fares, what was promised of it and what runs on it.

Memory is in MiB. Ages are counted by the database's clock.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select
from sqlalchemy.orm import Session

from helios_core.models import Collector, GPUAllocation, GPUProcess, GPUResource, GPUSample
from helios_core.telemetry.readings import throttle_reasons

STALE_INTERVALS = 3
FRESH_SECONDS = 5.0
"""Readings as young as this are never called stale, however short the interval."""
DEAD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Promise:
    """What one agent was promised of a card, and what it was measured to use."""

    agent_id: str
    model_name: str | None
    status: str
    allocated_mib: int
    measured_mib: int | None
    compute_percent: float | None
    allocated_at: datetime


@dataclass(frozen=True, slots=True)
class Process:
    """A process on a card."""

    pid: int
    name: str | None
    memory_used_mib: int | None
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class GpuCard:
    """One card, as it was `read_at`. Promises are those that the reader may see."""

    id: int
    uuid: str
    nvml_index: int | None
    name: str
    host: str
    is_simulated: bool
    is_enabled: bool
    total_memory_mib: int
    reserved_memory_mib: int | None
    power_limit_watts: float | None
    compute_capability: str | None
    architecture: str | None
    pci_bus_id: str | None
    driver_version: str | None
    cuda_version: str | None
    slowdown_temperature_celsius: int | None
    shutdown_temperature_celsius: int | None
    max_concurrent_agents: int | None
    health: str
    health_message: str | None
    read_at: datetime
    sampled_at: datetime | None
    is_stale: bool
    """Whether there is no reading of the last three intervals."""
    utilization_percent: float | None
    memory_used_mib: int | None
    temperature_celsius: float | None
    power_watts: float | None
    sm_clock_mhz: int | None
    memory_clock_mhz: int | None
    fan_percent: int | None
    performance_state: int | None
    throttled_by: tuple[str, ...] | None
    """Why the clocks are where they are, in words; empty where nothing holds them."""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """What the card cannot report, under the names of the samples' columns, and why."""
    promises: tuple[Promise, ...] = ()
    processes: tuple[Process, ...] = ()

    @property
    def age_seconds(self) -> float | None:
        """How old the reading was when the view was read."""
        return None if self.sampled_at is None else max(0.0, (self.read_at - self.sampled_at).total_seconds())

    @property
    def state(self) -> str:
        """The health, or "stale" where nothing recent says so."""
        return "stale" if self.is_stale and self.health in {"ok", "warning", "critical"} else self.health

    @property
    def promised_mib(self) -> int:
        """The memory that is promised, in total."""
        return sum(promise.allocated_mib for promise in self.promises)

    @property
    def temperature_headroom_celsius(self) -> float | None:
        """How far the card is below the temperature at which it slows down."""
        if self.temperature_celsius is None or self.slowdown_temperature_celsius is None:
            return None
        return self.slowdown_temperature_celsius - self.temperature_celsius


@dataclass(frozen=True, slots=True)
class CollectorState:
    """The process that reads the cards of one host."""

    host: str
    pid: int
    interval_seconds: float
    is_simulated: bool
    started_at: datetime
    last_success_at: datetime | None
    age_seconds: float | None
    is_alive: bool
    message: str | None
    """What is wrong with the host, or what is shown in place of its cards."""


def list_gpus(session: Session) -> tuple[GpuCard, ...]:
    """Every card by its number, but simulated ones that are switched off."""
    is_retired = and_(GPUResource.is_simulated, ~GPUResource.is_enabled, GPUResource.nvml_index.is_(None))
    rows = session.execute(
        select(GPUResource, GPUSample, Collector.interval_seconds, func.statement_timestamp())
        .outerjoin(Collector, Collector.host == GPUResource.host)
        .outerjoin(GPUSample, and_(GPUSample.gpu_id == GPUResource.id, GPUSample.sampled_at == GPUResource.sampled_at))
        .where(~is_retired)
        .order_by(GPUResource.id)
    ).all()
    promises, processes = _promises(session), _processes(session)
    return tuple(_card(row, promises[row[0].id], processes[row[0].id]) for row in rows)


def collector_state(session: Session) -> tuple[CollectorState, ...]:
    """The collectors, by host."""
    rows = session.execute(select(Collector, func.statement_timestamp()).order_by(Collector.host)).all()
    return tuple(_collector(collector, read_at) for collector, read_at in rows)


def _card(
    row: Row[GPUResource, GPUSample, float, datetime], promises: Sequence[Promise], processes: Sequence[Process]
) -> GpuCard:
    """The card of one row: inventory, latest sample, interval of its collector, the database's clock."""
    resource, sample, interval_seconds, read_at = row
    fresh_seconds = max(FRESH_SECONDS, STALE_INTERVALS * (interval_seconds or 0))
    sampled_at = resource.sampled_at
    return GpuCard(
        id=resource.id,
        uuid=resource.uuid,
        nvml_index=resource.nvml_index,
        name=resource.name,
        host=resource.host,
        is_simulated=resource.is_simulated,
        is_enabled=resource.is_enabled,
        total_memory_mib=resource.total_memory_mb,
        reserved_memory_mib=resource.reserved_memory_mb,
        power_limit_watts=resource.power_limit_watts,
        compute_capability=resource.compute_capability,
        architecture=resource.architecture,
        pci_bus_id=resource.pci_bus_id,
        driver_version=resource.driver_version,
        cuda_version=resource.cuda_version,
        slowdown_temperature_celsius=resource.slowdown_temperature_celsius,
        shutdown_temperature_celsius=resource.shutdown_temperature_celsius,
        max_concurrent_agents=resource.max_concurrent_agents,
        health=resource.health,
        health_message=resource.health_message,
        read_at=read_at,
        sampled_at=sampled_at,
        is_stale=sampled_at is None or (read_at - sampled_at).total_seconds() > fresh_seconds,
        utilization_percent=resource.current_utilization_percent,
        memory_used_mib=resource.current_memory_used_mb,
        temperature_celsius=resource.current_temperature_celsius,
        power_watts=resource.current_power_watts,
        **_measured(sample),
        unsupported=dict(resource.unsupported),
        promises=tuple(promises),
        processes=tuple(processes),
    )


def _measured(sample: GPUSample | None) -> dict[str, Any]:
    """What the inventory does not show of the latest sample."""
    mask = None if sample is None else sample.throttle_reasons
    return {
        "sm_clock_mhz": sample and sample.sm_clock_mhz,
        "memory_clock_mhz": sample and sample.memory_clock_mhz,
        "fan_percent": sample and sample.fan_percent,
        "performance_state": sample and sample.performance_state,
        "throttled_by": None if mask is None else tuple(reason.value for reason in throttle_reasons(mask)),
    }


def _promises(session: Session) -> dict[int, list[Promise]]:
    """The live promises that the reader may see, by card, the greatest first."""
    live = select(GPUAllocation).where(GPUAllocation.released_at.is_(None))
    promises: dict[int, list[Promise]] = defaultdict(list)
    for row in session.scalars(live.order_by(GPUAllocation.allocated_memory_mb.desc(), GPUAllocation.agent_id)):
        promises[row.gpu_id].append(
            Promise(
                agent_id=row.agent_id,
                model_name=row.model_name,
                status=row.status.value,
                allocated_mib=row.allocated_memory_mb,
                measured_mib=row.current_memory_usage_mb,
                compute_percent=row.compute_percent,
                allocated_at=row.allocated_at,
            )
        )
    return promises


def _processes(session: Session) -> dict[int, list[Process]]:
    """The processes by card, the greatest first."""
    found = select(GPUProcess).order_by(GPUProcess.memory_used_mb.desc().nulls_last(), GPUProcess.pid)
    processes: dict[int, list[Process]] = defaultdict(list)
    for row in session.scalars(found):
        processes[row.gpu_id].append(Process(row.pid, row.name, row.memory_used_mb, row.first_seen_at))
    return processes


def _collector(collector: Collector, read_at: datetime) -> CollectorState:
    last = collector.last_success_at
    age_seconds = None if last is None else max(0.0, (read_at - last).total_seconds())
    alive_seconds = max(DEAD_SECONDS, STALE_INTERVALS * collector.interval_seconds)
    return CollectorState(
        host=collector.host,
        pid=collector.pid,
        interval_seconds=collector.interval_seconds,
        is_simulated=collector.is_simulated,
        started_at=collector.started_at,
        last_success_at=last,
        age_seconds=age_seconds,
        is_alive=age_seconds is not None and age_seconds <= alive_seconds,
        message=collector.message,
    )
