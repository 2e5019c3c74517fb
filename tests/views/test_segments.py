from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from helios_core.views.segments import MEASURED, Measured, SegmentKind, segments, time_spent

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def cut(
    delegated: float | None, started: float | None, ended: float | None, measured: Measured
) -> dict[SegmentKind, float]:
    delegated_at, started_at, ended_at = (
        None if moment is None else at(moment) for moment in (delegated, started, ended)
    )
    return time_spent(segments(delegated_at, started_at, ended_at, measured))


def test_what_nobody_measured_is_unknown() -> None:
    assert cut(0, 4, 10, {}) == {"queue": 4, "unknown": 6}


def test_what_is_left_over_is_idle_only_where_everything_was_measured() -> None:
    everything: Measured = {"queue": 0, "load": 1, "prefill": 1, "decode": 5, "tool": 0}
    assert cut(0, 0, 10, everything) == {"load": 1, "prefill": 1, "decode": 5, "idle": 3}
    assert cut(0, 0, 10, {**everything, "tool": None})["unknown"] == 3


def test_a_queue_that_lies_before_the_start_is_counted_once() -> None:
    assert cut(0, 4, 10, {"queue": 4, "decode": 6}) == {"queue": 4, "decode": 6}


def test_a_queue_within_the_work_adds_to_the_waiting_before_it() -> None:
    assert cut(0, 4, 10, {"queue": 2, "decode": 4}) == {"queue": 6, "decode": 4}


def test_without_times_there_are_no_segments() -> None:
    assert cut(None, None, 10, {"decode": 3}) == {}
    assert cut(0, 4, None, {"decode": 3}) == {}


durations = st.one_of(st.none(), st.floats(0, 100))


@given(st.floats(0, 50), st.floats(0, 50), st.fixed_dictionaries(dict.fromkeys(MEASURED, durations)))
def test_segments_follow_each_other_and_fill_the_whole_time(wait: float, work: float, measured: Measured) -> None:
    parts = segments(at(0), at(wait), at(wait + work), measured)
    if not parts:
        assert at(wait + work) == at(0)
        return
    assert parts[0].started_at == at(0)
    assert parts[-1].ended_at == at(wait + work)
    assert all(one.ended_at == other.started_at for one, other in pairwise(parts))
    assert all(part.seconds > 0 for part in parts)
