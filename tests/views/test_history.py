"""What the cards did: series on an even grid, spans, energy."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database
from helios_core.models import Collector
from helios_core.telemetry import store
from helios_core.telemetry.rollups import RESOLUTIONS_SECONDS, roll_up
from helios_core.telemetry.store import Sample
from helios_core.views.history import (
    MOST_POINTS,
    GpuSeries,
    aligned,
    energy_used,
    finest_step_seconds,
    gpu_history,
    source_seconds,
    step_for,
    throttle_spans,
)
from tests.telemetry.samples import card, enlist

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
"""The hour that has just begun: samples of before are as old as real ones."""
HOUR = timedelta(hours=1)


def fill(session: Session, gpu_id: int, seconds: range, **values: Any) -> None:  # noqa: ANN401
    """Add the same sample for each of these seconds before NOW, and the rollups."""
    readings = [Sample(gpu_id, NOW + timedelta(seconds=second), card(**values)) for second in seconds]
    store.write_samples(session, readings)
    for resolution in RESOLUTIONS_SECONDS:
        roll_up(session, resolution, [gpu_id], NOW + timedelta(seconds=min(seconds)))


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    seconds=st.floats(1, 5 * 365 * 86_400),
    most=st.integers(10, MOST_POINTS),
)
def test_a_line_never_has_more_points_than_asked_for(start: datetime, seconds: float, most: int) -> None:
    end = start + timedelta(seconds=seconds)
    step_seconds = step_for(start, end, most)
    first = aligned(start, step_seconds)
    assert first <= start
    assert (end - first).total_seconds() / step_seconds <= most


@pytest.mark.parametrize(
    ("span", "step_seconds", "source"),
    [
        (timedelta(minutes=15), 2, None),
        (timedelta(hours=1), 10, 10),
        (timedelta(hours=6), 60, 60),
        (timedelta(hours=24), 180, 60),
        (timedelta(days=7), 1800, 300),
        (timedelta(days=30), 7200, 3600),
    ],
)
def test_a_longer_range_is_read_from_coarser_rollups(span: timedelta, step_seconds: int, source: int | None) -> None:
    found = step_for(NOW - span, NOW, MOST_POINTS, finest_seconds=2)
    assert (found, source_seconds(found)) == (step_seconds, source)


def test_what_is_no_longer_kept_finely_is_read_coarsely() -> None:
    now = datetime.now(UTC)
    assert finest_step_seconds(now - HOUR, interval_seconds=1) == 2
    assert finest_step_seconds(now - HOUR, interval_seconds=30) == 60
    assert finest_step_seconds(now - timedelta(days=3), interval_seconds=1) == 10
    assert finest_step_seconds(now - timedelta(days=20), interval_seconds=1) == 60
    assert finest_step_seconds(now - timedelta(days=200), interval_seconds=1) == 3600


def test_a_series_is_evenly_spaced_with_gaps_where_nothing_was_measured(database: Database) -> None:
    with database.session(SYSTEM) as session:
        first, second = enlist(session, 2)
        fill(session, first, range(-600, -300), utilization_percent=40, memory_used_mb=8000, throttle_reasons=4)
        fill(session, first, range(-200, 0), utilization_percent=80, temperature_celsius=70, throttle_reasons=0)
        [series, empty] = gpu_history(session, [first, second], NOW - timedelta(seconds=600), NOW)
    assert (series.gpu_id, empty.gpu_id) == (first, second)
    assert (series.start, series.step_seconds, len(series)) == (NOW - timedelta(seconds=600), 2, 300)
    assert series.utilization_percent.dtype == np.float32
    assert series.utilization_percent[0] == 40
    assert series.utilization_percent[-1] == 80
    assert isnan(series.utilization_percent[175])
    assert isnan(series.temperature_celsius[0])
    assert series.memory_used_mib[10] == 8000
    assert (series.throttle_reasons[0], series.throttle_reasons[175], series.throttle_reasons[-1]) == (4, -1, 0)
    assert np.isnan(empty.utilization_percent).all()
    assert len(empty) == 300


def test_samples_and_rollups_tell_the_same(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        for minute in range(60):
            fill(session, gpu_id, range(-3600 + 60 * minute, -3540 + 60 * minute), power_watts=100.0 + minute)
        [by_samples] = gpu_history(session, [gpu_id], NOW - timedelta(minutes=15), NOW)
        [by_ten_seconds] = gpu_history(session, [gpu_id], NOW - HOUR, NOW)
        [by_minutes] = gpu_history(session, [gpu_id], NOW - HOUR, NOW, max_points=60)
    assert [by_samples.step_seconds, by_ten_seconds.step_seconds, by_minutes.step_seconds] == [2, 10, 60]
    assert by_minutes.power_watts.tolist() == [100.0 + minute for minute in range(60)]
    assert by_ten_seconds.power_watts.reshape(60, 6).mean(axis=1).tolist() == by_minutes.power_watts.tolist()
    assert by_samples.power_watts.reshape(15, 30).mean(axis=1).tolist() == by_minutes.power_watts.tolist()[-15:]


def test_a_mean_of_rollups_weighs_their_samples(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        fill(session, gpu_id, range(-3600, -3545), power_watts=100.0)
        fill(session, gpu_id, range(-3520, -3515), power_watts=200.0)
        [series] = gpu_history(session, [gpu_id], NOW - HOUR, NOW, max_points=30)
    assert series.step_seconds == 120
    assert series.power_watts[0] == pytest.approx((55 * 100 + 5 * 200) / 60)


def test_throttling_is_told_as_spans_without_gaps(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        fill(session, gpu_id, range(-60, -40), throttle_reasons=0)
        fill(session, gpu_id, range(-40, -20), throttle_reasons=0x44)
        [series] = gpu_history(session, [gpu_id], NOW - timedelta(seconds=60), NOW)
    spans = throttle_spans(series)
    assert [(span.reasons, (span.end - span.start).total_seconds()) for span in spans] == [
        ((), 20),
        (("power limit", "thermal slowdown by hardware"), 20),
        (None, 20),
    ]
    assert spans[0].start == series.start
    assert all(before.end == after.start for before, after in pairwise(spans))


def collector(session: Session, interval_seconds: float) -> None:
    """The collector of the cards' host."""
    session.add(Collector(host="lab", pid=1, interval_seconds=interval_seconds, is_simulated=False))
    session.flush()


def test_energy_is_power_times_time_and_says_how_much_was_measured(database: Database) -> None:
    with database.session(SYSTEM) as session:
        first, second = enlist(session, 2)
        collector(session, 1.0)
        fill(session, first, range(-3600, -1800), power_watts=200.0)
        [used, nothing] = energy_used(session, [first, second], NOW - HOUR, NOW)
    assert used.watt_hours == pytest.approx(100)
    assert used.coverage == pytest.approx(0.5)
    assert (nothing.watt_hours, nothing.coverage) == (0, 0)


def test_energy_of_a_range_that_cuts_rollups_counts_what_lies_in_it(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        collector(session, 1.0)
        fill(session, gpu_id, range(-600, 0), power_watts=360.0)
        [used] = energy_used(session, [gpu_id], NOW - timedelta(seconds=65), NOW - timedelta(seconds=5))
    assert used.watt_hours == pytest.approx(6)
    assert used.measured_seconds == pytest.approx(60)


def test_energy_of_many_hours_is_that_of_its_hours_and_of_its_ends(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        collector(session, 60.0)
        fill(session, gpu_id, range(-6 * 3600, -3 * 3600, 60), power_watts=100.0)
        fill(session, gpu_id, range(-3 * 3600, 0, 60), power_watts=300.0)
        start, end = NOW - timedelta(hours=5, minutes=40), NOW - timedelta(minutes=10)
        [used] = energy_used(session, [gpu_id], start, end)
    assert used.watt_hours == pytest.approx(100 * 160 / 60 + 300 * 170 / 60, rel=1e-3)
    assert used.coverage == pytest.approx(1)


def test_energy_of_a_slow_collector_counts_each_sample_for_its_interval(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        collector(session, 5.0)
        fill(session, gpu_id, range(-600, 0, 5), power_watts=360.0)
        [used] = energy_used(session, [gpu_id], NOW - timedelta(seconds=600), NOW)
    assert used.watt_hours == pytest.approx(60)
    assert used.coverage == pytest.approx(1)


def test_a_day_has_at_most_600_points_a_line(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        fill(session, gpu_id, range(-86_400, 0, 60), power_watts=100.0)
        [series] = gpu_history(session, [gpu_id], NOW - timedelta(days=1), NOW)
    assert isinstance(series, GpuSeries)
    assert len(series) == 480
    assert not np.isnan(series.power_watts).any()
