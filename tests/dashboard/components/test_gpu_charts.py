"""The chart of a card: small enough to be sent every second, and honest about gaps and limits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.components.gpu_charts import card_chart
from dashboard.components.time_chart import chart_data
from helios_core.views.fleet import Fleet
from helios_core.views.gpus import GpuCard, Promise
from helios_core.views.history import Energy, GpuSeries

END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
POINTS = 360


def card(**changes: object) -> GpuCard:
    """A card that is well."""
    facts: dict[str, Any] = dict.fromkeys(GpuCard.__dataclass_fields__)
    facts |= {
        "id": 0, "name": "RTX Titan X", "host": "workstation", "is_simulated": True, "is_enabled": True,
        "total_memory_mib": 12288, "power_limit_watts": 250.0, "slowdown_temperature_celsius": 91, "health": "ok",
        "shutdown_temperature_celsius": 96, "unsupported": {}, "promises": (), "processes": (), "read_at": END,
    }  # fmt: skip
    return GpuCard(**(facts | changes))


def fleet(of: GpuCard) -> Fleet:
    """The card with a lively hour in which one minute is missing."""
    rng = np.random.default_rng(7)
    names = ("utilization_percent", "memory_used_mib", "temperature_celsius", "power_watts", "sm_clock_mhz",
             "memory_clock_mhz", "fan_percent")  # fmt: skip
    lines = {name: rng.uniform(0, 100, POINTS).astype(np.float32) for name in names}
    lines["power_watts"][10:16] = np.nan
    reasons = np.where(np.arange(POINTS) < POINTS // 2, 1, 32).astype(np.int64)
    reasons[10:16] = -1
    series = GpuSeries(gpu_id=of.id, start=END - timedelta(hours=1), step_seconds=10, throttle_reasons=reasons, **lines)
    energy = Energy(of.id, 100.0, 3600.0, 3600.0)
    return Fleet((of,), {of.id: series}, {of.id: energy}, END - timedelta(hours=1), END)


def sent(of: GpuCard, zone: str = "Europe/Vienna") -> dict[str, Any]:
    """What a browser is sent, row by row under the row's label."""
    data = json.loads(json.dumps(chart_data("gpu", card_chart(of, fleet(of)), ZoneInfo(zone)), allow_nan=False))
    return {**data, "rows": {row["label"]: row for row in data["rows"]}}


def test_a_refresh_of_the_chart_is_small() -> None:
    assert len(json.dumps(sent(card()))) < 20_000


def test_times_are_shown_in_the_readers_zone() -> None:
    assert sent(card())["offset"] == 3600
    assert sent(card(), "Asia/Kolkata")["offset"] == 5.5 * 3600
    assert sent(card())["start"] == (END - timedelta(hours=1)).timestamp()


def test_a_missing_reading_is_a_gap_and_never_zero() -> None:
    power = sent(card())["rows"]["power"]["lines"][0]["points"]
    assert power[10:16] == [None] * 6
    assert None not in power[:10]


def test_the_timeline_names_what_held_the_clocks_and_when_nobody_knows() -> None:
    spans = sent(card())["rows"]["clocks held by"]["spans"]
    assert [span["word"] for span in spans] == ["idle", "unknown", "idle", "thermal slowdown by software"]
    assert (spans[0]["from"], spans[0]["to"], spans[-1]["to"]) == (0, 100, 3600)


def test_limits_are_the_cards_own_and_absent_where_it_tells_none() -> None:
    promise = Promise("data_analyst", "llama3.1:8b", "active", 6144, None, None, END)
    rows = sent(card(promises=(promise,)))["rows"]
    assert [limit["value"] for limit in rows["memory"]["limits"]] == [6.0]
    assert [limit["title"] for limit in rows["temperature"]["limits"]] == ["slows down at 91 °C", "shuts down at 96 °C"]
    silent = card(slowdown_temperature_celsius=None, shutdown_temperature_celsius=None, power_limit_watts=None)
    assert all(row["limits"] == [] for row in sent(silent)["rows"].values())


def test_a_line_fits_into_its_row_also_where_no_limit_is_known() -> None:
    power = sent(card(power_limit_watts=None))["rows"]["power"]
    known = [value for value in power["lines"][0]["points"] if value is not None]
    assert power["low"] <= min(known) <= max(known) <= power["high"]
