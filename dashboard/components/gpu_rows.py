"""One row per card: utilisation and temperature with their lines, power, memory promised against measured."""

from datetime import UTC, datetime
from math import isnan
from statistics import fmean

from dashboard import formats
from dashboard.components.gpu_memory import memory_bar, model_colours
from dashboard.components.opening import linked, target
from dashboard.render import clean, short
from dashboard.theme import Sign, Tone, sign
from helios_core.views.fleet import Fleet
from helios_core.views.gpus import GpuCard
from helios_core.views.history import FloatArray

MOST_POINTS = 120
WARNING_HEADROOM_CELSIUS = 10.0
CRITICAL_HEADROOM_CELSIUS = 3.0
"""How near a card comes to the temperature at which it slows down before its figure is coloured."""


def gpu_rows(fleet: Fleet, selected: int | None = None) -> None:
    """Show all cards; a row opens the card's own page."""
    colours = model_colours(fleet.cards)
    now = datetime.now(UTC)
    linked("gpu_rows", "cards", [_row(card, fleet, colours, now, selected) for card in fleet.cards])


def _row(
    card: GpuCard, fleet: Fleet, colours: dict[str, str], now: datetime, selected: int | None
) -> dict[str, object]:
    series = fleet.series[card.id]
    return {
        "key": card.id,
        "title": f"GPU {card.id}",
        "name": short(card.name, 40),
        "sign": card_sign(card).data,
        "note": clean(card.health_message) if card.health_message else None,
        "utilisation": _chart(formats.percent(card.utilization_percent), None, series.utilization_percent, 0, 100),
        "temperature": _chart(
            formats.celsius(card.temperature_celsius), temperature_tone(card), series.temperature_celsius,
            20, card.slowdown_temperature_celsius or 100,
        ),
        "power": formats.watts(card.power_watts).removesuffix(" W" if card.power_limit_watts else ""),
        "power_limit": f"of {formats.watts(card.power_limit_watts)}" if card.power_limit_watts else "",
        "memory": memory_bar(card, colours),
        "age": formats.age(card.sampled_at, now),
        "is_selected": card.id == selected,
        "target": target("gpus", gpu=card.id),
    }  # fmt: skip


def _chart(text: str, tone: Tone | None, values: FloatArray, low: float, high: float) -> dict[str, object]:
    """A small line for a component."""
    return {"text": text, "tone": tone, "points": _thinned(values.tolist()), "low": low, "high": high}


def _thinned(values: list[float]) -> list[float | None]:
    """At most so many points as a small line can show, each the mean of those it stands for; none known is a gap."""
    width = -(-len(values) // MOST_POINTS)
    runs = (values[at : at + width] for at in range(0, len(values), width))
    known = ([value for value in run if not isnan(value)] for run in runs)
    return [round(fmean(run), 1) if run else None for run in known]


def card_sign(card: GpuCard) -> Sign:
    """How a card fares, or that it is switched off, or that nobody has read it for a while."""
    return sign(card.state if card.is_enabled else "offline")


def temperature_tone(card: GpuCard) -> Tone | None:
    """The colour of a card's temperature, by its own limit."""
    headroom = card.temperature_headroom_celsius
    if headroom is None or headroom > WARNING_HEADROOM_CELSIUS:
        return None
    return "critical" if headroom <= CRITICAL_HEADROOM_CELSIUS else "warning"
