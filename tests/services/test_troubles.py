"""Hysteresis: troubles act when they last, end when it has been calm for long, and never flap."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from helios_core.services.troubles import (
    ACT_AFTER_SECONDS,
    CALM_SECONDS,
    MARGIN_CELSIUS,
    Watched,
    sign_of,
    sign_of_heat,
    watch,
)

START = datetime(2026, 11, 23, tzinfo=UTC)
TICK_SECONDS = 5.0


def episodes(celsius: Sequence[float | None], limit: float = 83.0) -> list[tuple[float, float | None]]:
    """When a trouble acted, and when it ended, in seconds, of readings taken every tick."""
    watched: Watched | None = None
    found: list[tuple[float, float | None]] = []
    for number, reading in enumerate(celsius):
        now = START + timedelta(seconds=TICK_SECONDS * number)
        was_acting = watched is not None and watched.is_acting
        watched = watch(watched, "hot", sign_of_heat(reading, limit), now)
        if watched is not None and watched.is_acting and not was_acting:
            found.append((TICK_SECONDS * number, None))
        if watched is not None and watched.ended_at is not None:
            found[-1] = (found[-1][0], TICK_SECONDS * number)
            watched = None
    return found


def test_a_card_that_stays_hot_acts_once_and_ends_when_it_has_been_cool_for_long() -> None:
    assert episodes([90.0] * 100 + [70.0] * 100) == [(120.0, 500.0 + CALM_SECONDS)]


def test_a_peak_never_acts_and_a_gap_in_the_readings_is_not_calm() -> None:
    assert episodes([90.0] * 20 + [70.0] + [90.0] * 20 + [70.0] * 10) == []
    assert episodes([90.0] * 10 + [None] * 5 + [90.0] * 20) == [(120.0, None)]
    assert episodes([90.0] * 40 + [None] * 200) == [(120.0, None)], "who falls silent has not recovered"


@given(st.lists(st.floats(min_value=83 - MARGIN_CELSIUS + 0.1, max_value=82.9), min_size=1, max_size=300))
def test_within_the_margin_nothing_begins_and_nothing_ends(noise: list[float]) -> None:
    assert episodes(list(noise)) == []
    assert episodes([*[90.0] * 30, *noise]) == [(120.0, None)]


@given(st.lists(st.one_of(st.none(), st.floats(min_value=60, max_value=95)), max_size=1_000))
def test_however_noisy_the_readings_episodes_are_long_and_far_apart(noise: list[float | None]) -> None:
    found = episodes(noise)
    for acted, ended in found:
        assert acted >= ACT_AFTER_SECONDS["hot"]
        assert ended is None or ended - acted >= CALM_SECONDS
    for (_, ended), (acted, _) in pairwise(found):
        assert ended is not None
        assert acted - ended >= ACT_AFTER_SECONDS["hot"]


def test_what_is_not_known_is_neither_bad_nor_calm() -> None:
    assert (sign_of(None), sign_of(True), sign_of(False)) == ("between", "bad", "calm")
    assert (sign_of_heat(None, 83), sign_of_heat(90, None)) == ("between", "between")
