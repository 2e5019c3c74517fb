"""How sweeps become rows. Each function works inside its caller's transaction, and writes all cards at once.

COPY is refused under row-level security, so rows go in as arrays: `INSERT … SELECT unnest(…)`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from helios_core.models import Collector, GPUEvent, GPUProcess, GPUResource
from helios_core.telemetry.health import FINE_AGAIN, Health, Verdict
from helios_core.telemetry.readings import VALUES, CardReading, DeviceIdentity

IDENTITY_COLUMNS = (
    "name",
    "total_memory_mb",
    "reserved_memory_mb",
    "power_limit_watts",
    "compute_capability",
    "architecture",
    "pci_bus_id",
    "driver_version",
    "cuda_version",
    "slowdown_temperature_celsius",
    "shutdown_temperature_celsius",
    "max_temperature_celsius",
    "is_simulated",
)
RETIRED = "This simulated GPU is off, because real ones are there or simulation was switched off."

INSERT_SAMPLES = text("""
INSERT INTO gpu_samples (
    gpu_id, sampled_at, utilization_percent, memory_controller_percent, memory_used_mb, temperature_celsius,
    power_watts, sm_clock_mhz, memory_clock_mhz, fan_percent, performance_state, throttle_reasons
) SELECT * FROM unnest(
    CAST(:gpu_id AS integer[]), CAST(:sampled_at AS timestamptz[]), CAST(:utilization_percent AS smallint[]),
    CAST(:memory_controller_percent AS smallint[]), CAST(:memory_used_mb AS integer[]),
    CAST(:temperature_celsius AS smallint[]), CAST(:power_watts AS real[]), CAST(:sm_clock_mhz AS integer[]),
    CAST(:memory_clock_mhz AS integer[]), CAST(:fan_percent AS smallint[]), CAST(:performance_state AS smallint[]),
    CAST(:throttle_reasons AS bigint[])
) ON CONFLICT DO NOTHING
""")

UPDATE_CURRENT = text("""
UPDATE gpu_resources AS gpu SET
    current_utilization_percent = seen.utilization, current_memory_used_mb = seen.memory,
    current_temperature_celsius = seen.temperature, current_power_watts = seen.power, sampled_at = seen.at,
    updated_at = now()
FROM unnest(
    CAST(:gpu_id AS integer[]), CAST(:sampled_at AS timestamptz[]), CAST(:utilization_percent AS smallint[]),
    CAST(:memory_used_mb AS integer[]), CAST(:temperature_celsius AS smallint[]), CAST(:power_watts AS real[])
) AS seen (id, at, utilization, memory, temperature, power)
WHERE gpu.id = seen.id
""")

UPSERT_PROCESSES = text("""
INSERT INTO gpu_processes (gpu_id, pid, name, memory_used_mb, first_seen_at, seen_at)
SELECT gpu_id, pid, name, memory, :seen_at, :seen_at FROM unnest(
    CAST(:gpu_id AS integer[]), CAST(:pid AS bigint[]), CAST(:name AS text[]), CAST(:memory AS integer[])
) AS seen (gpu_id, pid, name, memory)
ON CONFLICT (gpu_id, pid) DO UPDATE SET
    name = EXCLUDED.name, memory_used_mb = EXCLUDED.memory_used_mb, seen_at = EXCLUDED.seen_at,
    first_seen_at = CASE WHEN gpu_processes.name IS NOT DISTINCT FROM EXCLUDED.name
        THEN gpu_processes.first_seen_at ELSE EXCLUDED.first_seen_at END
""")


@dataclass(frozen=True, slots=True)
class Sample:
    """One answered reading of an enlisted card."""

    gpu_id: int
    sampled_at: datetime
    card: CardReading


@dataclass(slots=True)
class Enlisted:
    """A card of this host as the inventory has it."""

    id: int
    uuid: str
    is_simulated: bool
    nvml_index: int | None
    verdict: Verdict
    identity: DeviceIdentity | None = None
    unsupported: dict[str, str] | None = None


def inventory_of(session: Session, host: str) -> dict[str, Enlisted]:
    """The cards that the inventory has of `host`, by UUID."""
    rows = session.scalars(select(GPUResource).where(GPUResource.host == host))
    return {row.uuid: _enlisted(row) for row in rows}


def _enlisted(row: GPUResource) -> Enlisted:
    verdict = Verdict(cast("Health", row.health), row.health_message)
    return Enlisted(row.id, row.uuid, row.is_simulated, row.nvml_index, verdict)


def adopt(session: Session, host: str, uuid: str) -> Enlisted | None:
    """Take over a card that another host had, as after a container got a new name; None where nobody has it."""
    row = session.scalar(select(GPUResource).where(GPUResource.uuid == uuid))
    if row is None:
        return None
    before, row.host = row.host, host
    session.flush()
    if session.scalar(select(GPUResource.id).where(GPUResource.host == before).limit(1)) is None:
        session.execute(delete(Collector).where(Collector.host == before))
    return _enlisted(row)


def has_real_cards(session: Session) -> bool:
    """Whether the inventory holds a real card, of any host."""
    found = session.scalar(select(GPUResource.id).where(~GPUResource.is_simulated).limit(1))
    return found is not None


def enlist(session: Session, host: str, card: CardReading, verdict: Verdict) -> Enlisted:
    """Take a card into the inventory, under the next number."""
    values = {**_described(card), "uuid": card.identity.uuid, "host": host}
    health = {"health": verdict.health, "health_message": verdict.message}
    gpu_id = session.scalars(insert(GPUResource).values(**values, **health).returning(GPUResource.id)).one()
    return Enlisted(
        id=gpu_id,
        uuid=card.identity.uuid,
        is_simulated=card.identity.is_simulated,
        nvml_index=card.identity.index,
        verdict=verdict,
        identity=card.identity,
        unsupported=card.reading.unsupported,
    )


def describe(session: Session, enlisted: Enlisted, card: CardReading) -> None:
    """Note what a card is and cannot report, where that has changed. A retired card comes back enabled."""
    unsupported = card.reading.unsupported if card.is_answered else enlisted.unsupported
    if (enlisted.identity, enlisted.unsupported) == (card.identity, unsupported):
        return
    values = _described(card)
    if not card.is_answered:
        values.pop("unsupported")
    if enlisted.is_simulated and enlisted.nvml_index is None:
        values["is_enabled"] = True
    session.execute(update(GPUResource).where(GPUResource.id == enlisted.id).values(**values))
    enlisted.identity, enlisted.unsupported, enlisted.nvml_index = card.identity, unsupported, card.identity.index


def _described(card: CardReading) -> dict[str, Any]:
    """The columns that say what a card is; what it did not say is left as it was."""
    values = {name: getattr(card.identity, name) for name in IDENTITY_COLUMNS}
    known = {name: value for name, value in values.items() if value is not None}
    return {**known, "nvml_index": card.identity.index, "unsupported": card.reading.unsupported}


def record_verdict(session: Session, enlisted: Enlisted, verdict: Verdict, at: datetime) -> None:
    """Note how a card fares, and an event where its health has changed."""
    if verdict == enlisted.verdict:
        return
    health = {"health": verdict.health, "health_message": verdict.message}
    session.execute(update(GPUResource).where(GPUResource.id == enlisted.id).values(**health))
    if verdict.health != enlisted.verdict.health:
        severity = "critical" if verdict.health == "lost" else verdict.health
        record_event(session, enlisted.id, severity, verdict.message or FINE_AGAIN, at)
    enlisted.verdict = verdict


def record_event(session: Session, gpu_id: int | None, severity: str, message: str, at: datetime) -> None:
    """Note that something happened to a card, or to the host of all."""
    event = {"gpu_id": gpu_id, "severity": severity, "message": message, "occurred_at": at}
    session.execute(insert(GPUEvent).values(**event))


def retire(session: Session, enlisted: Enlisted) -> None:
    """Switch a simulated card off."""
    if enlisted.nvml_index is None:
        return
    off = {"is_enabled": False, "nvml_index": None, "health": "unknown", "health_message": RETIRED}
    session.execute(update(GPUResource).where(GPUResource.id == enlisted.id).values(**off))
    session.execute(delete(GPUProcess).where(GPUProcess.gpu_id == enlisted.id))
    enlisted.nvml_index, enlisted.identity, enlisted.verdict = None, None, Verdict("unknown", RETIRED)


def write_samples(session: Session, samples: Sequence[Sample]) -> None:
    """Add samples; one that is there already stays."""
    if samples:
        session.execute(INSERT_SAMPLES, _arrays(samples, VALUES))


def write_current(session: Session, samples: Sequence[Sample]) -> None:
    """Let the inventory show the latest sample of each card."""
    if samples:
        values = ("utilization_percent", "memory_used_mb", "temperature_celsius", "power_watts")
        session.execute(UPDATE_CURRENT, _arrays(samples, values))


def _arrays(samples: Sequence[Sample], values: Iterable[str]) -> dict[str, list[Any]]:
    """One array a column."""
    arrays = {value: [getattr(sample.card.reading, value) for sample in samples] for value in values}
    return {
        "gpu_id": [sample.gpu_id for sample in samples],
        "sampled_at": [sample.sampled_at for sample in samples],
        **arrays,
    }


def write_processes(session: Session, samples: Sequence[Sample], seen_at: datetime) -> None:
    """Let the processes of each sample's card be those that it reported, as far as it reports any."""
    rows = [(sample.gpu_id, process) for sample in samples for process in sample.card.reading.processes or ()]
    arrays = {
        "gpu_id": [gpu_id for gpu_id, _ in rows],
        "pid": [process.pid for _, process in rows],
        "name": [process.name for _, process in rows],
        "memory": [process.memory_used_mb for _, process in rows],
    }
    session.execute(UPSERT_PROCESSES, {**arrays, "seen_at": seen_at})
    gpu_ids = [sample.gpu_id for sample in samples]
    session.execute(delete(GPUProcess).where(GPUProcess.gpu_id.in_(gpu_ids), GPUProcess.seen_at < seen_at))


def beat(session: Session, beat: dict[str, Any]) -> None:
    """Note that the collector of a host lives, and what is wrong with the host: the columns of `collectors`."""
    upsert = postgresql.insert(Collector).values(**beat)
    session.execute(upsert.on_conflict_do_update(index_elements=["host"], set_=beat))


def last_message(session: Session, host: str) -> str | None:
    """What the collector of `host` said last to be wrong with it."""
    return session.scalar(select(Collector.message).where(Collector.host == host))


def database_now(session: Session) -> datetime:
    """The database's clock, which every age is counted by."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now
