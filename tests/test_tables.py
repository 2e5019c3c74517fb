"""Tables for the terminal, and JSON for programs."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from helios_core.tables import as_json, table


def test_columns_are_as_wide_as_they_need_and_numbers_stand_to_the_right() -> None:
    assert table(("NAME", "MiB"), [("qwen2.5:14b", 10504), ("a", 7)]).splitlines() == [
        "NAME           MiB",
        "qwen2.5:14b  10504",
        "a                7",
    ]


def test_unknown_is_said_and_never_a_number() -> None:
    assert table(("GPU", "°C"), [(0, None), (1, 61.25)]).splitlines() == ["GPU    °C", "  0   n/a", "  1  61.2"]


def test_an_empty_table_has_its_headings() -> None:
    assert table(("ID", "NAME"), []) == "ID  NAME"


def test_text_of_others_stays_in_its_line() -> None:
    assert table(("TASK",), [("one\ntwo\tthree",)]).splitlines()[1] == "one two three"


def test_json_keeps_unknown_values_and_times() -> None:
    @dataclass
    class Reading:
        at: datetime
        watts: float | None

    written = json.loads(as_json([Reading(datetime(2026, 1, 2, tzinfo=UTC), None)]))
    assert written == [{"at": "2026-01-02T00:00:00Z", "watts": None}]
