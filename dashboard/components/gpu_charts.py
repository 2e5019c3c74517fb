"""What one card did, as lines over time on one axis, and what held its clocks as a timeline of states."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import SERIES
from helios_core.views.fleet import Fleet
from helios_core.views.gpus import GpuCard
from helios_core.views.history import FloatArray, GpuSeries, ThrottleSpan, throttle_spans

GREY = SERIES[-1]
GRID = "rgba(128, 134, 145, 0.18)"
INK = "#7B8592"
"""Readable on light and on dark: figures are built once for viewers of both themes."""

NO_PROBLEM = {"idle", "application clocks", "display clocks"}
"""What holds clocks without anything being wrong."""
REASON_COLOURS = {
    "idle": "#B9C0C9",
    "application clocks": "#56B4E9",
    "power limit": "#E69F00",
    "sync boost": "#CC79A7",
    "thermal slowdown by software": "#D55E00",
    "thermal slowdown by hardware": "#A23B00",
    "hardware slowdown": "#A23B00",
    "power brake": "#B5651D",
}
UNKNOWN_COLOUR = "rgba(128, 134, 145, 0.25)"

ROWS = (
    ("utilisation %", 1.0),
    ("memory GiB", 1.0),
    ("temperature °C", 1.0),
    ("power W", 1.0),
    ("SM clock MHz", 0.8),
    ("clocks held by", 0.3),
)
"""The rows of the figure from top to bottom, with their relative heights."""
GAP = 0.035
HEIGHT_PIXELS = 640
NAMED_SHARE = 0.06
"""The share of the range from which on a span of the timeline has room for its name."""


def card_figure(card: GpuCard, fleet: Fleet, zone: ZoneInfo) -> go.Figure:
    """The figure of one card. Times are the reader's, without a zone: Plotly would turn others into text."""
    series = fleet.series[card.id]
    figure = go.Figure()
    for row, line in enumerate(_lines(series), start=1):
        figure.add_trace(_trace(line, series, zone, row))
    figure.add_traces(_states(series, zone, len(ROWS)))
    figure.update_layout(
        height=HEIGHT_PIXELS,
        margin={"l": 46, "r": 12, "t": 18, "b": 36},
        showlegend=False,
        hovermode="x unified",
        barmode="overlay",
        uirevision=f"{card.id}",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 12, "family": "Source Sans, sans-serif"},
        shapes=_limits(card),
        annotations=_titles(),
        **_axes(card, fleet, zone),
    )
    return figure


def _lines(series: GpuSeries) -> list[FloatArray]:
    gib = (series.memory_used_mib / 1024).astype(np.float32)
    return [
        series.utilization_percent,
        gib,
        series.temperature_celsius,
        series.power_watts,
        series.sm_clock_mhz,
    ]


def _trace(line: FloatArray, series: GpuSeries, zone: ZoneInfo, row: int) -> go.Scatter:
    unit = ROWS[row - 1][0].split()[-1]
    return go.Scatter(
        x0=_local(series.start, zone),
        dx=series.step_seconds * 1000,
        y=line,
        xaxis="x",
        yaxis=f"y{row}" if row > 1 else "y",
        mode="lines",
        line={"width": 1.4, "color": SERIES[0] if row in {1, 2} else GREY if row == 5 else SERIES[row - 1]},
        fill="tozeroy" if row in {1, 2} else None,
        fillcolor="rgba(0, 114, 178, 0.12)",
        connectgaps=False,
        name=ROWS[row - 1][0].rsplit(" ", 1)[0],
        hovertemplate=f"%{{y:.1f}} {unit}",
    )


def _states(series: GpuSeries, zone: ZoneInfo, row: int) -> list[go.Bar]:
    """One bar trace for each state, so that each has a name and a colour; spans that have the room say their state."""
    by_state: dict[str, list[ThrottleSpan]] = {}
    for span in throttle_spans(series):
        by_state.setdefault(_state(span.reasons), []).append(span)
    room = timedelta(seconds=len(series) * series.step_seconds * NAMED_SHARE)
    return [
        go.Bar(
            base=[_local(span.start, zone) for span in spans],
            x=[(span.end - span.start) / timedelta(milliseconds=1) for span in spans],
            y=[0.5] * len(spans),
            width=1,
            orientation="h",
            xaxis="x",
            yaxis=f"y{row}",
            marker={"color": _state_colour(state), "line": {"width": 0}},
            text=[state if span.end - span.start > room else "" for span in spans],
            textposition="inside",
            insidetextanchor="start",
            insidetextfont={"color": "#14161A"},
            constraintext="none",
            cliponaxis=True,
            name=state,
            hovertemplate=f"{state}<extra></extra>",
        )
        for state, spans in by_state.items()
    ]


def _state(reasons: tuple[str, ...] | None) -> str:
    """What holds the clocks: the problems if there are any, else what is no problem."""
    if reasons is None:
        return "unknown"
    return ", ".join([reason for reason in reasons if reason not in NO_PROBLEM] or reasons) or "nothing"


def _state_colour(state: str) -> str:
    if state in {"unknown", "nothing"}:
        return UNKNOWN_COLOUR if state == "unknown" else "#009E73"
    return REASON_COLOURS.get(state.split(", ", maxsplit=1)[0], "#D55E00")


def _axes(card: GpuCard, fleet: Fleet, zone: ZoneInfo) -> dict[str, Any]:
    start, end = _local(fleet.start, zone), _local(fleet.end, zone)
    axes: dict[str, Any] = {
        "xaxis": {
            # Not a range: one that moves with every refresh would take the reader's zoom away.
            "autorangeoptions": {"clipmin": start, "clipmax": end, "include": [start, end]},
            "type": "date",
            "anchor": f"y{len(ROWS)}",
            "gridcolor": GRID,
            "showline": False,
            "zeroline": False,
            "uirevision": f"{card.id} {fleet.end - fleet.start}",
        }
    }
    for row, (low, high) in enumerate(_domains(), start=1):
        axes[f"yaxis{row}" if row > 1 else "yaxis"] = {
            "domain": [low, high],
            "anchor": "x",
            "gridcolor": GRID,
            "zeroline": False,
            "nticks": 4,
            "rangemode": "tozero",
            "fixedrange": True,
            **_scale(card, row),
        }
    return axes


def _scale(card: GpuCard, row: int) -> dict[str, Any]:
    """The range of a row, where something limits it."""
    if row == len(ROWS):
        return {"range": [0, 1], "showticklabels": False, "showgrid": False}
    limits = {
        1: 100.0,
        2: card.total_memory_mib / 1024,
        3: (card.shutdown_temperature_celsius or card.slowdown_temperature_celsius or 95) + 4.0,
        4: card.power_limit_watts,
    }
    limit = limits.get(row)
    return {} if limit is None else {"range": [20 if row == 3 else 0, limit * 1.04]}


def _limits(card: GpuCard) -> list[dict[str, Any]]:
    """Dashed lines at the card's own limits and at what is promised of it."""
    lines = [
        (2, card.promised_mib / 1024 if card.promises else None, INK),
        (3, card.slowdown_temperature_celsius, "#E69F00"),
        (3, card.shutdown_temperature_celsius, "#D55E00"),
        (4, card.power_limit_watts, "#E69F00"),
    ]
    return [
        {
            "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": f"y{row}", "y0": at, "y1": at,
            "line": {"color": colour, "width": 1, "dash": "dot"},
        }
        for row, at, colour in lines
        if at is not None
    ]  # fmt: skip


def _titles() -> list[dict[str, Any]]:
    return [
        {
            "text": title, "xref": "paper", "yref": "paper", "x": 0, "y": high, "xanchor": "left", "yanchor": "bottom",
            "showarrow": False, "font": {"size": 12.5, "color": INK},
        }
        for (title, _), (_, high) in zip(ROWS, _domains(), strict=True)
    ]  # fmt: skip


def _domains() -> list[tuple[float, float]]:
    """Where each row lies in the figure, from 0 at the bottom to 1 at the top."""
    free = 1 - GAP * (len(ROWS) - 1)
    unit = free / sum(weight for _, weight in ROWS)
    high, domains = 1.0, []
    for _, weight in ROWS:
        domains.append((max(0.0, high - weight * unit), high))
        high -= weight * unit + GAP
    return domains


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)
