"""Lines over time in rows that share one axis, and states below them.

A component of our own: Streamlit hands Plotly back whatever the reader has changed, so that a zoom there ends with the
next refresh; and Plotly takes seconds to load.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.components.packaged import component


@dataclass(frozen=True, slots=True)
class Line:
    """Evenly spaced values; one that is not a number is a gap."""

    values: Sequence[float]
    colour: str
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed line across a row."""

    value: float
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class Span:
    """A state that lasted from one moment to another."""

    start: datetime
    end: datetime
    word: str
    colour: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chart: lines between `low` and `high` of its unit, or spans."""

    label: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    height_pixels: int = 76
    lines: Sequence[Line] = ()
    limits: Sequence[Limit] = ()
    spans: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class TimeChart:
    """Rows over `length_seconds` from `start` on, a value each `step_seconds`."""

    title: str
    start: datetime
    step_seconds: float
    length_seconds: float
    rows: Sequence[Row] = field(default_factory=tuple)


def time_chart(key: str, data: dict[str, Any]) -> None:
    """Show what `chart_data` made; a zoom lasts as long as `key` and the length of the range stay."""
    component("time_chart")(key=key, data=data)


def chart_data(key: str, chart: TimeChart, zone: ZoneInfo) -> dict[str, Any]:
    """A chart as its component wants it, for readers of one zone."""
    offset = chart.start.astimezone(zone).utcoffset()
    return {
        "key": key,
        "title": chart.title,
        "start": chart.start.timestamp(),
        "offset": offset.total_seconds() if offset else 0,
        "step": chart.step_seconds,
        "length": chart.length_seconds,
        "rows": [_row(row, chart.start) for row in chart.rows],
    }


def _row(row: Row, start: datetime) -> dict[str, Any]:
    return {
        "key": row.label,
        "label": row.label,
        "unit": row.unit,
        "low": row.low,
        "high": row.high,
        "height": row.height_pixels,
        "lines": [
            {"points": _points(line.values), "colour": line.colour, "is_filled": line.is_filled} for line in row.lines
        ],
        "limits": [
            {"key": limit.title, "value": limit.value, "colour": limit.colour, "title": limit.title}
            for limit in row.limits
        ],
        "spans": [_span(index, span, start) for index, span in enumerate(row.spans)],
    }


def _points(values: Sequence[float]) -> list[float | None]:
    return [None if isnan(value) else round(float(value), 1) for value in values]


def _span(index: int, span: Span, start: datetime) -> dict[str, Any]:
    return {
        "key": index,
        "from": round((span.start - start).total_seconds(), 1),
        "to": round((span.end - start).total_seconds(), 1),
        "word": span.word,
        "colour": span.colour,
    }
