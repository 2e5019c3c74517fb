"""What the cards did over a range of time: evenly spaced series of at most so many points, spans, energy.

A series is read from the coarsest source that its step allows: samples, or rollups of 10 s, a minute, five minutes
or an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Float, Integer, Row, Select, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from helios_core.models import Collector, GPUResource, GPUSample, GPUSampleRollup
from helios_core.settings import settings
from helios_core.telemetry.readings import throttle_reasons
from helios_core.telemetry.rollups import FINE_ROLLUPS_KEPT, RESOLUTIONS_SECONDS

MOST_POINTS = 600
STEPS_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
UNKNOWN_REASONS = -1
HOURS_ROLLED_UP_AFTER = timedelta(minutes=5)
"""When the rollup of an hour surely holds all of it: a collector renews it every minute."""
METRICS = (
    "utilization_percent",
    "memory_used_mb",
    "temperature_celsius",
    "power_watts",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "fan_percent",
)

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class GpuSeries:
    """What one card did: point `i` of each array stands for the `step_seconds` from `start + i * step_seconds` on.

    A float is the mean of the samples in that time, NaN where there is none. `throttle_reasons` is every reason that
    was set at any time in it, as NVML's bit mask, and -1 where that is unknown.
    """

    gpu_id: int
    start: datetime
    step_seconds: int
    utilization_percent: FloatArray
    memory_used_mib: FloatArray
    temperature_celsius: FloatArray
    power_watts: FloatArray
    sm_clock_mhz: FloatArray
    memory_clock_mhz: FloatArray
    fan_percent: FloatArray
    throttle_reasons: IntArray

    def __len__(self) -> int:
        return len(self.throttle_reasons)


@dataclass(frozen=True, slots=True)
class ThrottleSpan:
    """A time in which the same reasons held the clocks; None where that is unknown."""

    start: datetime
    end: datetime
    reasons: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Energy:
    """What a card used in a range: only what was measured, of `measured_seconds` out of `range_seconds`."""

    gpu_id: int
    watt_hours: float
    measured_seconds: float
    range_seconds: float

    @property
    def coverage(self) -> float:
        """The share of the range that was measured, 0 to 1."""
        return min(1.0, self.measured_seconds / self.range_seconds) if self.range_seconds > 0 else 0.0


def gpu_history(
    session: Session, gpu_ids: Sequence[int], start: datetime, end: datetime, max_points: int = MOST_POINTS
) -> tuple[GpuSeries, ...]:
    """What these cards did from `start` to `end`: one series a card, in the order of `gpu_ids`."""
    interval_seconds = session.scalar(select(func.max(Collector.interval_seconds))) or 1.0
    step_seconds = step_for(start, end, max_points, finest_step_seconds(start, interval_seconds))
    first = aligned(start, step_seconds)
    points = ceil((end - first).total_seconds() / step_seconds)
    last = first + timedelta(seconds=points * step_seconds)
    found = {row.gpu_id: row for row in session.execute(_lines(gpu_ids, first, last, step_seconds))}
    return tuple(_series(gpu_id, first, step_seconds, points, found.get(gpu_id)) for gpu_id in gpu_ids)


def step_for(start: datetime, end: datetime, max_points: int, finest_seconds: float = 1) -> int:
    """The shortest step, in seconds, that fits the range into `max_points` and is no finer than `finest_seconds`."""
    for step_seconds in STEPS_SECONDS:
        points = ceil((end - aligned(start, step_seconds)).total_seconds() / step_seconds)
        if step_seconds >= finest_seconds and points <= max_points:
            return step_seconds
    days = ceil((end - start).total_seconds() / 86_400 / max(1, max_points - 1))
    return days * 86_400


def finest_step_seconds(start: datetime, interval_seconds: float) -> float:
    """The finest step that makes sense: two samples a point, and no finer than what is kept of so long ago."""
    age = datetime.now(UTC) - start
    kept = {1: timedelta(hours=settings().sample_retention_hours), **FINE_ROLLUPS_KEPT}
    sources = [seconds for seconds in (1, *RESOLUTIONS_SECONDS) if age <= kept.get(seconds, timedelta.max)]
    return max(2 * interval_seconds, sources[0] if sources[0] > 1 else 0)


def aligned(at: datetime, step_seconds: int) -> datetime:
    """The last multiple of the step, counted from 1970 in UTC, before or at `at`."""
    return datetime.fromtimestamp(at.timestamp() // step_seconds * step_seconds, UTC)


def source_seconds(step_seconds: int) -> int | None:
    """The coarsest rollups that a step can be made of, or None for the samples themselves."""
    return next((seconds for seconds in reversed(RESOLUTIONS_SECONDS) if step_seconds % seconds == 0), None)


def _lines(gpu_ids: Sequence[int], start: datetime, end: datetime, step_seconds: int) -> Select[Any]:
    """The query for one row a card: an array of slots on the grid, and as many mean values and throttle reasons."""
    resolution = source_seconds(step_seconds)
    table: Any = GPUSample if resolution is None else GPUSampleRollup
    at: InstrumentedAttribute[datetime] = table.sampled_at if resolution is None else table.bucket_at
    slot = func.floor(func.date_part("epoch", at - start) / step_seconds).cast(Integer).label("slot")
    means = [_mean(table, metric).label(metric) for metric in METRICS]
    reasons = func.bit_or(table.throttle_reasons).label("throttle_reasons")
    query = select(table.gpu_id, slot, *means, reasons).where(table.gpu_id.in_(gpu_ids), at >= start, at < end)
    if resolution is not None:
        query = query.where(GPUSampleRollup.resolution_seconds == resolution)
    slots = query.group_by(table.gpu_id, "slot").subquery()
    arrays = [func.array_agg(column).label(column.name) for column in slots.c if column.name != "gpu_id"]
    return select(slots.c.gpu_id, *arrays).group_by(slots.c.gpu_id)


def _mean(table: Any, metric: str) -> ColumnElement[Any]:  # noqa: ANN401
    """The mean of a metric over samples, or over rollups, each of which weighs as many samples as it has."""
    if table is GPUSample:
        return func.avg(getattr(GPUSample, metric)).cast(Float)
    mean, count = getattr(GPUSampleRollup, f"{metric}_avg"), GPUSampleRollup.sample_count
    return func.sum(mean * count) / func.nullif(func.sum(count).filter(mean.is_not(None)), 0)


def _series(gpu_id: int, start: datetime, step_seconds: int, points: int, row: Row[Any] | None) -> GpuSeries:
    """Lay what was found on the grid."""
    lines = {metric: np.full(points, np.nan, dtype=np.float32) for metric in METRICS}
    reasons = np.full(points, UNKNOWN_REASONS, dtype=np.int64)
    if row is not None:
        slots = np.array(row.slot)
        for metric, line in lines.items():
            line[slots] = np.array(getattr(row, metric), dtype=np.float32)
        reasons[slots] = [UNKNOWN_REASONS if mask is None else mask for mask in row.throttle_reasons]
    named = {metric.replace("_mb", "_mib"): line for metric, line in lines.items()}
    return GpuSeries(gpu_id=gpu_id, start=start, step_seconds=step_seconds, throttle_reasons=reasons, **named)


def throttle_spans(series: GpuSeries) -> tuple[ThrottleSpan, ...]:
    """The series' throttle reasons as spans of time without gaps, for a state timeline."""
    spans = []
    at = 0
    for mask, run in groupby(series.throttle_reasons.tolist()):
        length = len(list(run))
        reasons = None if mask == UNKNOWN_REASONS else tuple(reason.value for reason in throttle_reasons(mask))
        start = series.start + timedelta(seconds=at * series.step_seconds)
        spans.append(ThrottleSpan(start, start + timedelta(seconds=length * series.step_seconds), reasons))
        at += length
    return tuple(spans)


def energy_used(session: Session, gpu_ids: Sequence[int], start: datetime, end: datetime) -> tuple[Energy, ...]:
    """What these cards used from `start` to `end`: sampled power x time, in the order of `gpu_ids`.

    Each sample stands for one interval of its collector; time without samples counts for nothing, and lowers the
    coverage. The rollup at each end of the range counts as far as it lies in it.
    """
    used = dict.fromkeys(gpu_ids, (0.0, 0.0))
    for resolution, first, last in _pieces(start, end):
        for gpu_id, watt_seconds, measured in session.execute(_energy(gpu_ids, resolution, first, last)):
            watt_hours, seconds = used[gpu_id]
            used[gpu_id] = (watt_hours + watt_seconds / 3600, seconds + measured)
    range_seconds = (end - start).total_seconds()
    return tuple(Energy(gpu_id, *used[gpu_id], range_seconds) for gpu_id in gpu_ids)


def _pieces(start: datetime, end: datetime) -> list[tuple[int, datetime, datetime]]:
    """The range as (resolution, from, until): whole hours that are rolled up, and something finer at its ends."""
    hour = RESOLUTIONS_SECONDS[-1]
    first, last = aligned(start + timedelta(seconds=hour - 1), hour), aligned(end - HOURS_ROLLED_UP_AFTER, hour)
    if last <= first:
        return [(_fine_resolution(start, end, 10), start, end)]
    pieces = [
        (_fine_resolution(start, first, 60), start, first),
        (hour, first, last),
        (_fine_resolution(last, end, 60), last, end),
    ]
    return [piece for piece in pieces if piece[1] < piece[2]]


def _fine_resolution(start: datetime, end: datetime, finest_seconds: float) -> int:
    """The finest rollups that are kept of a whole range of few hours, and not too many of them."""
    step_seconds = step_for(start, end, MOST_POINTS, max(finest_seconds, finest_step_seconds(start, 1.0)))
    return source_seconds(step_seconds) or RESOLUTIONS_SECONDS[0]


def _energy(gpu_ids: Sequence[int], resolution: int, start: datetime, end: datetime) -> Select[int, float, float]:
    """The query for one row a card that was measured: its watt seconds, and for how many seconds it was measured."""
    bucket, width = GPUSampleRollup.bucket_at, timedelta(seconds=resolution)
    overlap = func.date_part("epoch", func.least(bucket + width, literal(end)) - func.greatest(bucket, literal(start)))
    sampled = GPUSampleRollup.sample_count * func.coalesce(Collector.interval_seconds, 1.0)
    seconds = func.least(sampled, resolution) * overlap / resolution
    return (
        select(
            GPUSampleRollup.gpu_id,
            func.sum(GPUSampleRollup.power_watts_avg * seconds).cast(Float),
            func.sum(seconds).cast(Float),
        )
        .join(GPUResource, GPUResource.id == GPUSampleRollup.gpu_id)
        .outerjoin(Collector, Collector.host == GPUResource.host)
        .where(
            GPUSampleRollup.resolution_seconds == resolution,
            GPUSampleRollup.gpu_id.in_(gpu_ids),
            bucket > start - width,
            bucket < end,
            GPUSampleRollup.power_watts_avg.is_not(None),
        )
        .group_by(GPUSampleRollup.gpu_id)
    )
