"""Numbers and times as a reader sees them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard import formats

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "n/a"), (0, "0 s"), (0.34, "340 ms"), (1.24, "1.2 s"), (9.96, "10 s"), (59.4, "59 s"),
        (59.6, "1 m"), (3600, "1 h"), (48 * 3600, "2 d"),
        (185, "3 m 05 s"), (7500, "2 h 05 m"), (3 * 86400 + 4 * 3600, "3 d 04 h"), (-1, "n/a"), (float("nan"), "n/a"),
        (timedelta(minutes=3, seconds=5), "3 m 05 s"),
    ],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float | timedelta | None, shown: str) -> None:
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7199, "119 min ago"),
        (7200, "2 h ago"),
        (172800, "2 d ago"),
    ],
)
def test_an_age_is_in_its_largest_unit(seconds: int, shown: str) -> None:
    assert formats.age(NOON - timedelta(seconds=seconds), NOON) == shown


def test_a_clock_that_runs_ahead_shows_no_negative_age() -> None:
    assert formats.age(NOON + timedelta(seconds=3), NOON) == "0 s ago"


def test_times_are_in_the_readers_zone() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    assert formats.clock(NOON, vienna) == "13:00:00"
    assert formats.date_and_time(NOON, vienna) == "2026-11-22 13:00"


@pytest.mark.parametrize(
    ("mebibytes", "shown"), [(None, "n/a"), (0, "0 MiB"), (1023, "1023 MiB"), (1024, "1.0 GiB"), (12212, "11.9 GiB")]
)
def test_memory_is_in_gib_and_in_mib_below_one(mebibytes: float | None, shown: str) -> None:
    assert formats.memory(mebibytes) == shown


def test_memory_used_of_total_names_what_is_unknown() -> None:
    assert formats.memory_of(8294, 12212) == "8.1 of 11.9 GiB"
    assert formats.memory_of(None, 12212) == "n/a of 11.9 GiB"


@pytest.mark.parametrize(
    ("octets", "shown"), [(None, "n/a"), (512, "512 B"), (1536, "1.5 KiB"), (8 * 2**30, "8.0 GiB"), (2**41, "2.0 TiB")]
)
def test_a_size_is_in_binary_units(octets: float | None, shown: str) -> None:
    assert formats.size(octets) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(None, "n/a"), (0, "0"), (9214, "9,214"), (48_200, "48.2 k"), (1_300_000, "1.3 M")]
)
def test_a_large_count_is_shortened(number: float | None, shown: str) -> None:
    assert formats.count(number) == shown


@pytest.mark.parametrize(
    "unknown",
    [
        formats.watts, formats.watt_hours, formats.celsius, formats.megahertz, formats.percent, formats.share,
        formats.score, formats.memory, formats.size, formats.count, formats.duration,
    ],
)  # fmt: skip
def test_what_is_unknown_is_never_a_zero(unknown: object) -> None:
    assert callable(unknown)
    assert unknown(None) == "n/a"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Technical Expert", "TE"),
        ("project_manager", "PM"),
        ("Solo", "SO"),
        ("", "?"),
        ("Chief Product Officer", "CP"),
        ("![x](http://e)", "XH"),
    ],
)
def test_a_face_has_two_letters(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


def test_an_id_becomes_a_name_and_a_name_stays() -> None:
    assert formats.title("quality_assurance") == "Quality Assurance"
    assert formats.title("Chief Executive Officer") == "Chief Executive Officer"


def test_a_noun_follows_its_number() -> None:
    assert formats.plural(1, "agent") == "1 agent"
    assert formats.plural(12, "agent") == "12 agents"
    assert formats.plural(2, "reply", "replies") == "2 replies"
