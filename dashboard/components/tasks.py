"""Delegations as bars on an axis: where the time went, how it ended, and what there is to say about it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from dashboard import formats
from dashboard.render import short
from helios_core.views.delegations import Delegation
from helios_core.views.segments import time_spent

Drawing = dict[str, Any]

SEGMENTS = {
    "queue": "queue", "load": "model load", "prefill": "prefill", "decode": "decode", "tool": "tool", "idle": "idle",
    "unknown": "not measured", "failed": "failed", "span": "delegation",
}  # fmt: skip
"""What each kind of segment is called, in the order of the legend."""


def task(delegation: Delegation, x: Callable[[datetime], float]) -> Drawing:
    """The bar of a delegation whose times are known; `x` places a time on the axis."""
    first, last = delegation.segments[0], delegation.segments[-1]
    return {
        "asked_at": x(delegation.delegated_at or first.started_at),
        "start": x(first.started_at),
        "end": x(last.ended_at),
        "segments": [
            {"kind": part.kind, "start": x(part.started_at), "end": x(part.ended_at)} for part in delegation.segments
        ],
        "has_failed": delegation.status in {"failed", "timeout"},
        "is_open": delegation.is_under_way,
        "is_order": False,
        "tip": task_tip(delegation),
    }


def task_tip(delegation: Delegation) -> str:
    """A delegation in a few lines."""
    attempt = f" · attempt {delegation.attempt}" if delegation.attempt > 1 else ""
    spent = time_spent(delegation.segments)
    lines = [
        f"{short(delegation.target_name, 40)} · {formats.words(delegation.status)}{attempt}",
        short(delegation.task, 120),
        " · ".join(f"{SEGMENTS[kind]} {formats.duration(spent[kind])}" for kind in SEGMENTS if kind in spent),
        short(delegation.error_message, 160) if delegation.error_message else "",
        delegation.stuck or "",
    ]
    return "\n".join(filter(None, lines))


def legend(tasks: Iterable[Drawing]) -> list[dict[str, str]]:
    """The kinds that occur, each with its name."""
    bars = list(tasks)
    kinds = {part["kind"] for bar in bars for part in bar["segments"]}
    kinds |= {"failed"} if any(bar["has_failed"] for bar in bars) else set()
    kinds |= {"span"} if any(bar["is_order"] for bar in bars) else set()
    return [{"kind": kind, "label": label} for kind, label in SEGMENTS.items() if kind in kinds]
