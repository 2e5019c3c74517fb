"""The cards' lanes on one clock: how busy each was, and when it slowed itself down."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.tasks import Drawing
from dashboard.render import short
from helios_core.views.conversation_gpus import GpuDuring
from helios_core.views.conversations import Clock

SLOWDOWNS = {"hardware slowdown", "thermal slowdown by software", "thermal slowdown by hardware", "power brake"}
"""Reasons that hold a card back though it has work."""


def gpu_lanes(gpus: Sequence[GpuDuring], clock: Clock | None) -> list[Drawing]:
    """A lane for each card, on the conversation's axis of seconds."""
    return [] if clock is None else [_lane(gpu, clock) for gpu in gpus]


def _lane(gpu: GpuDuring, clock: Clock) -> Drawing:
    start = (gpu.start - clock.started_at).total_seconds()
    known = [value for value in gpu.utilization_percent if value is not None]
    return {
        "label": f"GPU {gpu.gpu_id}",
        "name": f"{short(gpu.name, 60)}{' (simulated)' if gpu.is_simulated else ''}",
        "points": list(gpu.utilization_percent),
        "start": start + gpu.step_seconds / 2,
        "end": start + gpu.step_seconds * (len(gpu.utilization_percent) - 0.5),
        "tip": f"GPU {gpu.gpu_id}: {formats.percent(sum(known) / len(known))} on average, "
        f"{formats.percent(max(known))} at most",
        "slow": [
            {
                "start": (span.start - clock.started_at).total_seconds(),
                "end": (span.end - clock.started_at).total_seconds(),
                "label": ", ".join(sorted(SLOWDOWNS.intersection(span.reasons))),
            }
            for span in gpu.throttling
            if span.reasons and SLOWDOWNS.intersection(span.reasons)
        ],
    }
