"""Cards and samples, put straight into a database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from helios_core.telemetry import store
from helios_core.telemetry.health import Verdict
from helios_core.telemetry.readings import CardReading, DeviceIdentity, Reading
from helios_core.telemetry.store import Sample

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def enlist(session: Session, count: int = 1, host: str = "lab") -> list[int]:
    """Take cards into the inventory; returns their numbers."""
    return [store.enlist(session, host, card(f"GPU-{host}-{index}", index), Verdict("ok")).id for index in range(count)]


def card(uuid: str = "GPU-0", index: int = 0, **reading: Any) -> CardReading:  # noqa: ANN401
    """A card with this reading."""
    identity = DeviceIdentity(uuid=uuid, index=index, name="NVIDIA L40S", total_memory_mb=46068)
    return CardReading(identity, Reading(**reading))


def add(session: Session, gpu_id: int, readings: Mapping[float, Mapping[str, Any]]) -> None:
    """Add samples of a card: readings by the seconds after noon."""
    samples = [Sample(gpu_id, at(second), card(**reading)) for second, reading in readings.items()]
    store.write_samples(session, samples)


def add_every_second(session: Session, gpu_ids: Sequence[int], seconds: range, **reading: object) -> None:
    """Add the same reading for each of these seconds after noon."""
    for gpu_id in gpu_ids:
        add(session, gpu_id, dict.fromkeys(map(float, seconds), reading))


def at(second: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=second)
