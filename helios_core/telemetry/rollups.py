"""Rollups of samples to 10 s, a minute, five minutes and an hour, and the end of what is older than the settings keep.

A rollup is computed from the samples of its whole interval, each time anew: late samples and a second run do no harm.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from helios_core.models import GPUSampleRollup
from helios_core.settings import Settings

RESOLUTIONS_SECONDS = (10, 60, 300, 3600)
FINE_ROLLUPS_KEPT = {10: timedelta(days=7), 60: timedelta(days=60), 300: timedelta(days=60)}
"""How long the finer rollups are kept, at most; those of an hour as long as the settings say."""
LATEST_SAMPLES_LATE = timedelta(hours=1)
"""How far before the last rollup a new collector starts: more than samples can be late."""

ROLL_UP = text("""
INSERT INTO gpu_sample_rollups (
    resolution_seconds, gpu_id, bucket_at, sample_count,
    utilization_percent_avg, utilization_percent_max, memory_used_mb_avg, memory_used_mb_max,
    temperature_celsius_avg, temperature_celsius_max, power_watts_avg, power_watts_max,
    sm_clock_mhz_avg, memory_clock_mhz_avg, fan_percent_avg, throttle_reasons
)
SELECT
    :resolution, gpu_id, date_bin(make_interval(secs => :resolution), sampled_at, TIMESTAMPTZ 'epoch'), count(*),
    avg(utilization_percent), max(utilization_percent), avg(memory_used_mb), max(memory_used_mb),
    avg(temperature_celsius), max(temperature_celsius), avg(power_watts), max(power_watts),
    avg(sm_clock_mhz), avg(memory_clock_mhz), avg(fan_percent), bit_or(throttle_reasons)
FROM gpu_samples
WHERE gpu_id = ANY(:gpu_ids)
    AND sampled_at >= date_bin(make_interval(secs => :resolution), :since, TIMESTAMPTZ 'epoch')
GROUP BY 2, 3
ON CONFLICT (resolution_seconds, gpu_id, bucket_at) DO UPDATE SET
    sample_count = EXCLUDED.sample_count,
    utilization_percent_avg = EXCLUDED.utilization_percent_avg,
    utilization_percent_max = EXCLUDED.utilization_percent_max,
    memory_used_mb_avg = EXCLUDED.memory_used_mb_avg,
    memory_used_mb_max = EXCLUDED.memory_used_mb_max,
    temperature_celsius_avg = EXCLUDED.temperature_celsius_avg,
    temperature_celsius_max = EXCLUDED.temperature_celsius_max,
    power_watts_avg = EXCLUDED.power_watts_avg,
    power_watts_max = EXCLUDED.power_watts_max,
    sm_clock_mhz_avg = EXCLUDED.sm_clock_mhz_avg,
    memory_clock_mhz_avg = EXCLUDED.memory_clock_mhz_avg,
    fan_percent_avg = EXCLUDED.fan_percent_avg,
    throttle_reasons = EXCLUDED.throttle_reasons
""")


def roll_up(session: Session, resolution_seconds: int, gpu_ids: Collection[int], since: datetime) -> None:
    """Compute the rollups of these cards for the interval that `since` lies in, and all later ones."""
    session.execute(ROLL_UP, {"resolution": resolution_seconds, "gpu_ids": list(gpu_ids), "since": since})


def unrolled_since(session: Session, resolution_seconds: int, gpu_ids: Collection[int]) -> datetime:
    """From when on rollups of these cards may be missing; the beginning of time where there is none yet."""
    last = session.scalar(
        select(func.max(GPUSampleRollup.bucket_at)).where(
            GPUSampleRollup.resolution_seconds == resolution_seconds, GPUSampleRollup.gpu_id.in_(gpu_ids)
        )
    )
    return datetime.fromisoformat("1970-01-01T00:00Z") if last is None else last - LATEST_SAMPLES_LATE


def kept_since(settings: Settings, now: datetime, resolution_seconds: int) -> datetime:
    """The oldest rollup of this resolution that is kept."""
    hourly = timedelta(days=settings.rollup_retention_days)
    return now - min(hourly, FINE_ROLLUPS_KEPT.get(resolution_seconds, hourly))


def ensure_partitions(session: Session, now: datetime) -> None:
    """Have a partition for the samples of yesterday to the day after tomorrow; samples without one go to a default."""
    day = timedelta(days=1)
    session.execute(select(func.helios_ensure_sample_partitions((now - day).date(), (now + 2 * day).date())))


def expire(session: Session, settings: Settings, now: datetime, gpu_ids: Collection[int]) -> None:
    """End the samples, by whole days, and the rollups of these cards that are older than the settings keep."""
    kept_from = now - timedelta(hours=settings.sample_retention_hours)
    session.execute(select(func.helios_drop_sample_partitions(kept_from.date())))
    for resolution_seconds in RESOLUTIONS_SECONDS:
        session.execute(
            delete(GPUSampleRollup).where(
                GPUSampleRollup.resolution_seconds == resolution_seconds,
                GPUSampleRollup.gpu_id.in_(gpu_ids),
                GPUSampleRollup.bucket_at < kept_since(settings, now, resolution_seconds),
            )
        )
