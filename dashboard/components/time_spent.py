"""Where the time of a delegation went, as a bar."""

from collections.abc import Mapping

from dashboard import formats
from dashboard.components.packaged import component
from dashboard.components.tasks import SEGMENTS
from helios_core.views.segments import SegmentKind


def time_spent(seconds: Mapping[SegmentKind, float]) -> None:
    """Show the seconds of each kind, and their share of the whole."""
    whole = sum(seconds.values())
    kinds = [kind for kind in SEGMENTS if kind in seconds]
    parts = [
        {
            "key": kind,
            "label": SEGMENTS[kind],
            "seconds": formats.duration(seconds[kind]),  # type: ignore[index]  # only kinds that occur
            "share": seconds[kind] / whole,  # type: ignore[index]
        }
        for kind in kinds
    ]
    component("time_spent")(key="time_spent", data={"parts": parts})
