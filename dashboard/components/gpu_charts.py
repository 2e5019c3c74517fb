"""What one card did, as lines over time, and what held its clocks."""

from math import ceil

from dashboard.components.time_chart import Limit, Line, Row, Span, TimeChart
from dashboard.formats import celsius, memory, watts
from dashboard.theme import MARK, SERIES
from helios_core.views.fleet import Fleet
from helios_core.views.gpus import GpuCard
from helios_core.views.history import GpuSeries, throttle_spans

BLUE, GREEN, PINK, GREY = SERIES[0], SERIES[2], SERIES[3], SERIES[7]
NO_PROBLEM = {"idle", "application clocks", "display clocks"}
"""What holds clocks without anything being wrong."""
QUIET = "#C3C9D1"
UNKNOWN = "#8A93A0"
HOT = "#E8814A"
STATE_COLOURS = {"nothing": "#7CCBB2", "unknown": UNKNOWN, "power limit": "#F0BC55", "sync boost": PINK}
"""Light enough for dark letters; what is not here is a slowdown."""


def card_chart(card: GpuCard, fleet: Fleet) -> TimeChart:
    """Utilisation, memory, temperature, power and clocks of one card, with its own limits."""
    series = fleet.series[card.id]
    return TimeChart(
        title=f"GPU {card.id} over time",
        start=series.start,
        step_seconds=series.step_seconds,
        length_seconds=len(series) * series.step_seconds,
        rows=[
            Row("utilisation", "%", high=100, lines=[Line(series.utilization_percent.tolist(), BLUE, is_filled=True)]),
            _memory(card, series),
            _temperature(card, series),
            _power(card, series),
            _clock(series),
            Row("clocks held by", height_pixels=20, spans=_states(series)),
        ],
    )


def _memory(card: GpuCard, series: GpuSeries) -> Row:
    promised = (
        [Limit(card.promised_mib / 1024, GREY, f"promised: {memory(card.promised_mib)}")] if card.promises else []
    )
    line = Line((series.memory_used_mib / 1024).tolist(), BLUE, is_filled=True)
    return Row("memory", "GiB", high=card.total_memory_mib / 1024, lines=[line], limits=promised)


def _temperature(card: GpuCard, series: GpuSeries) -> Row:
    slowdown, shutdown = card.slowdown_temperature_celsius, card.shutdown_temperature_celsius
    limits = [
        Limit(at, colour, f"{what} at {celsius(at)}")
        for at, colour, what in ((slowdown, MARK["warning"], "slows down"), (shutdown, MARK["critical"], "shuts down"))
        if at is not None
    ]
    high = max([limit.value for limit in limits], default=95.0) + 4
    return Row("temperature", "°C", 20, high, lines=[Line(series.temperature_celsius.tolist(), GREEN)], limits=limits)


def _power(card: GpuCard, series: GpuSeries) -> Row:
    values = series.power_watts.tolist()
    limit = card.power_limit_watts
    limits = [] if limit is None else [Limit(limit, MARK["warning"], f"limit: {watts(limit)}")]
    return Row("power", "W", high=1.04 * (limit or _highest(values)), lines=[Line(values, PINK)], limits=limits)


def _clock(series: GpuSeries) -> Row:
    values = series.sm_clock_mhz.tolist()
    high = ceil(_highest(values) / 100) * 100
    return Row("SM clock", "MHz", high=high, height_pixels=52, lines=[Line(values, GREY)])


def _highest(values: list[float]) -> float:
    """The greatest value that is a number, or 1."""
    return max((value for value in values if value > 0), default=1.0)


def _states(series: GpuSeries) -> list[Span]:
    return [Span(s.start, s.end, word := _state(s.reasons), _state_colour(word)) for s in throttle_spans(series)]


def _state(reasons: tuple[str, ...] | None) -> str:
    """What holds the clocks: the problems if there are any, else what is no problem."""
    if reasons is None:
        return "unknown"
    return ", ".join([reason for reason in reasons if reason not in NO_PROBLEM] or reasons) or "nothing"


def _state_colour(state: str) -> str:
    return QUIET if state in NO_PROBLEM else STATE_COLOURS.get(state, HOT)
