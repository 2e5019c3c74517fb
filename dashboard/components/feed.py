"""What just happened, newest first."""

from dashboard.components.opening import linked, target
from dashboard.render import clock, date_and_time, short
from dashboard.theme import sign
from helios_core.views.events import Event


def feed(events: tuple[Event, ...]) -> None:
    """One line for each event."""
    linked("feed", "events", [_line(event) for event in events])


def _line(event: Event) -> dict[str, object]:
    return {
        "key": event.key,
        "time": clock(event.at),
        "date": date_and_time(event.at),
        "sign": sign(event.severity).data if event.severity in {"warning", "critical"} else None,
        "who": short(event.who, 60),
        "what": short(event.what, 150),
        "target": target(event.page, **dict(event.selection)),
    }
