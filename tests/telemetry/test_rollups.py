"""Rollups against a simple model, and the end of what is old."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database
from helios_core.models import GPUSample, GPUSampleRollup
from helios_core.settings import Settings
from helios_core.telemetry.housekeeping import Housekeeping
from helios_core.telemetry.rollups import RESOLUTIONS_SECONDS, ensure_partitions, expire, roll_up, unrolled_since
from tests.telemetry.samples import NOON, add, add_every_second, at, enlist

Readings = Mapping[float, Mapping[str, int | float | None]]

READING = st.fixed_dictionaries(
    {
        "utilization_percent": st.none() | st.integers(0, 100),
        "memory_used_mb": st.none() | st.integers(0, 46068),
        "temperature_celsius": st.none() | st.integers(-20, 110),
        "power_watts": st.none() | st.floats(0, 700, width=32),
        "throttle_reasons": st.none() | st.integers(0, 0x7FF),
    }
)
READINGS = st.dictionaries(st.integers(0, 7200).map(float), READING, max_size=25)


def model(readings: Readings, resolution: int) -> dict[float, dict[str, float | int | None]]:
    """What the rollups have to be, by their start in seconds after noon."""
    buckets = defaultdict(list)
    for second, reading in readings.items():
        buckets[second // resolution * resolution].append(reading)
    return {start: summary(bucket) for start, bucket in buckets.items()}


def summary(bucket: list[Mapping[str, int | float | None]]) -> dict[str, float | int | None]:
    """One rollup."""
    known = {name: [value for reading in bucket if (value := reading[name]) is not None] for name in bucket[0]}
    masks = known.pop("throttle_reasons")
    reasons = reduce(or_, map(int, masks)) if masks else None
    means = {f"{name}_avg": fmean(values) if values else None for name, values in known.items()}
    most = {f"{name}_max": max(values) if values else None for name, values in known.items()}
    return {"sample_count": len(bucket), "throttle_reasons": reasons, **means, **most}


def rolled(session: Session, resolution: int) -> dict[float, GPUSampleRollup]:
    """The rollups in the database, by their start in seconds after noon."""
    rows = session.query(GPUSampleRollup).filter_by(resolution_seconds=resolution).all()
    return {(row.bucket_at - NOON).total_seconds(): row for row in rows}


@given(early=READINGS, late=READINGS, since=st.integers(0, 7200))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rollups_are_what_a_simple_model_says_late_samples_included(
    database: Database, early: Readings, late: Readings, since: int
) -> None:
    late = {second: reading for second, reading in late.items() if second >= since and second not in early}
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        add(session, gpu_id, early)
        for resolution in RESOLUTIONS_SECONDS:
            roll_up(session, resolution, [gpu_id], NOON)
        add(session, gpu_id, late)
        for resolution in RESOLUTIONS_SECONDS:
            roll_up(session, resolution, [gpu_id], at(since))
            roll_up(session, resolution, [gpu_id], at(since))
        for resolution in RESOLUTIONS_SECONDS:
            expected, found = model({**early, **late}, resolution), rolled(session, resolution)
            assert found.keys() == expected.keys()
            for start, values in expected.items():
                for name, value in values.items():
                    is_equal = None if value is None else pytest.approx(value, rel=1e-5, abs=1e-4)
                    assert getattr(found[start], name) == is_equal, (resolution, start, name)


def test_rollups_of_other_cards_are_left_alone(database: Database) -> None:
    with database.session(SYSTEM) as session:
        ours, theirs = enlist(session, 2)
        add_every_second(session, [ours, theirs], range(30), utilization_percent=50)
        roll_up(session, 10, [ours], NOON)
        assert {row.gpu_id for row in session.query(GPUSampleRollup)} == {ours}


def test_a_new_collector_goes_on_before_where_the_last_one_stopped(database: Database) -> None:
    with database.session(SYSTEM) as session:
        gpu_ids = enlist(session)
        assert unrolled_since(session, 60, gpu_ids) == datetime(1970, 1, 1, tzinfo=UTC)
        add_every_second(session, gpu_ids, range(130), power_watts=100.0)
        roll_up(session, 60, gpu_ids, NOON)
        assert unrolled_since(session, 60, gpu_ids) == at(120) - timedelta(hours=1)


def test_samples_that_come_late_are_rolled_up_at_the_next_chance(database: Database) -> None:
    housekeeping = Housekeeping(Settings())
    with database.session(SYSTEM) as session:
        gpu_ids = enlist(session)
        add_every_second(session, gpu_ids, range(100, 110), power_watts=100.0)
        housekeeping.keep(session, [10], gpu_ids, at(110))
        add_every_second(session, gpu_ids, range(20, 30), power_watts=100.0)
        housekeeping.note(at(20))
        housekeeping.keep(session, [10], gpu_ids, at(120))
        assert sorted(rolled(session, 10)) == [20, 100]
        assert 10 not in housekeeping.chores()


def test_samples_get_a_partition_a_day_and_end_by_whole_days(database: Database) -> None:
    settings = Settings(sample_retention_hours=24)
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        for day in range(-3, 1):
            ensure_partitions(session, NOON + timedelta(days=day))
            add(session, gpu_id, {day * 86_400.0: {"power_watts": 100.0}})
        session.commit()
        places = session.execute(text("SELECT tableoid::regclass::text FROM gpu_samples ORDER BY sampled_at"))
        assert [name for (name,) in places] == [f"gpu_samples_202611{day}" for day in (19, 20, 21, 22)]
        expire(session, settings, NOON, [gpu_id])
        session.commit()
        kept = [sample.sampled_at for sample in session.query(GPUSample).order_by(GPUSample.sampled_at)]
    assert kept == [at(-86_400), NOON]


def test_samples_without_a_partition_are_kept_and_move_when_theirs_is_made(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        add(session, gpu_id, {0.0: {"power_watts": 100.0}})
        place = text("SELECT tableoid::regclass::text FROM gpu_samples")
        assert session.execute(place).scalar() == "gpu_samples_default"
        ensure_partitions(session, NOON)
        assert session.execute(place).scalar() == "gpu_samples_20261122"


def test_finer_rollups_end_sooner(database: Database) -> None:
    settings = Settings(rollup_retention_days=100)
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        for days in (1, 30, 90, 110):
            add(session, gpu_id, {-days * 86_400.0: {"power_watts": 100.0}})
        for resolution in RESOLUTIONS_SECONDS:
            roll_up(session, resolution, [gpu_id], NOON - timedelta(days=200))
        expire(session, settings, NOON, [gpu_id])
        counts = {resolution: len(rolled(session, resolution)) for resolution in RESOLUTIONS_SECONDS}
    assert counts == {10: 1, 60: 2, 300: 2, 3600: 3}
