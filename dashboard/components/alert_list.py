"""Alerts, one a row: when, how bad, what, and for how long."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.opening import linked, target
from dashboard.render import date_and_time, short
from dashboard.theme import sign
from helios_core.views.alerts import Alert


def alert_list(alerts: Sequence[Alert]) -> None:
    """Show `alerts`; one opens the page of what it is about."""
    linked("alert_list", "alerts", [_row(alert) for alert in alerts])


def _row(alert: Alert) -> dict[str, object]:
    return {
        "key": alert.key,
        "when": date_and_time(alert.at),
        "sign": sign(alert.severity).data,
        "title": short(alert.title, 120),
        "detail": short(alert.detail, 240),
        "seen": _seen(alert),
        "span": _span(alert),
        "target": target(alert.page, **dict(alert.selection)),
    }


def _seen(alert: Alert) -> str:
    """Who acknowledged it, the newest first."""
    return " · ".join(
        f"✓ {'you' if one.is_own else short(one.by, 40)}, {date_and_time(one.at)}"
        + (f": {short(one.note, 160)}" if one.note else "")
        for one in alert.acknowledgements
    )


def _span(alert: Alert) -> str:
    if alert.lasts:
        return "lasts"
    return f"for {formats.duration(alert.ended_at - alert.at)}" if alert.ended_at else ""
