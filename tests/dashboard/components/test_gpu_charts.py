"""The figure of a card: small enough to be sent every second, and honest about gaps and limits."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.components.gpu_charts import ROWS, card_figure
from helios_core.views.fleet import Fleet
from helios_core.views.gpus import GpuCard, Promise
from helios_core.views.history import Energy, GpuSeries

END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")


def card(**changes: object) -> GpuCard:
    """A card that is well."""
    facts: dict[str, Any] = dict.fromkeys(GpuCard.__dataclass_fields__)
    facts |= {
        "id": 0, "name": "RTX Titan X", "host": "workstation", "is_simulated": True, "is_enabled": True,
        "total_memory_mib": 12288, "power_limit_watts": 250.0, "slowdown_temperature_celsius": 91, "health": "ok",
        "shutdown_temperature_celsius": 96, "unsupported": {}, "promises": (), "processes": (), "read_at": END,
    }  # fmt: skip
    return GpuCard(**(facts | changes))


def fleet(of: GpuCard, points: int = 360) -> Fleet:
    """The card with a lively hour in which one minute is missing."""
    rng = np.random.default_rng(7)
    lines = {
        name: rng.uniform(0, 100, points).astype(np.float32)
        for name in ("utilization_percent", "memory_used_mib", "temperature_celsius", "power_watts", "sm_clock_mhz",
                     "memory_clock_mhz", "fan_percent")
    }  # fmt: skip
    lines["power_watts"][10:16] = np.nan
    reasons = np.where(np.arange(points) < points // 2, 1, 32).astype(np.int64)
    reasons[10:16] = -1
    series = GpuSeries(gpu_id=of.id, start=END - timedelta(hours=1), step_seconds=10, throttle_reasons=reasons, **lines)
    energy = Energy(of.id, 100.0, 3600.0, 3600.0)
    return Fleet((of,), {of.id: series}, {of.id: energy}, END - timedelta(hours=1), END)


def sent(of: GpuCard) -> dict[str, Any]:
    """What a browser is sent."""
    found: dict[str, Any] = json.loads(card_figure(of, fleet(of), VIENNA).to_json())
    return found


def test_a_refresh_of_the_chart_is_small() -> None:
    assert len(card_figure(card(), fleet(card()), VIENNA).to_json()) < 30_000


def test_lines_are_sent_as_single_precision_with_a_start_and_a_step() -> None:
    line = sent(card())["data"][0]
    assert line["y"]["dtype"] == "f4"
    assert line["dx"] == 10_000
    assert line["x0"].startswith("2026-11-22T12:00:00")


def test_a_missing_reading_is_a_gap() -> None:
    power = sent(card())["data"][3]
    values = np.frombuffer(base64.b64decode(power["y"]["bdata"]), dtype=np.float32)
    assert np.isnan(values[10:16]).all()
    assert power["connectgaps"] is False


def test_the_timeline_names_what_held_the_clocks_and_when_nobody_knows() -> None:
    names = [trace["name"] for trace in sent(card())["data"][5:]]
    assert names == ["idle", "unknown", "thermal slowdown by software"]


def test_limits_are_the_cards_own_and_absent_where_it_tells_none() -> None:
    promise = Promise("data_analyst", "llama3.1:8b", "active", 6144, None, None, END)
    limits = sent(card(promises=(promise,)))["layout"]["shapes"]
    assert [limit["y0"] for limit in limits] == [6.0, 91, 96, 250.0]
    silent = card(slowdown_temperature_celsius=None, shutdown_temperature_celsius=None, power_limit_watts=None)
    assert "shapes" not in sent(silent)["layout"] or sent(silent)["layout"]["shapes"] == []


def test_every_row_has_its_own_part_of_the_figure() -> None:
    layout = sent(card())["layout"]
    domains = [layout["yaxis" if row == 1 else f"yaxis{row}"]["domain"] for row in range(1, len(ROWS) + 1)]
    for (low, _), (_, next_high) in pairwise(domains):
        assert low > next_high


def test_a_zoom_is_kept_for_as_long_as_the_card_and_the_range_stay() -> None:
    first, second = (sent(card())["layout"]["xaxis"]["uirevision"] for _ in range(2))
    assert first == second
    assert first != sent(card(id=1))["layout"]["xaxis"]["uirevision"]
