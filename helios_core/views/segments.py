"""Where the time of a delegation went: waiting, loading, reading, writing, using tools, and what nobody measured."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

SegmentKind = Literal["queue", "load", "prefill", "decode", "tool", "idle", "unknown"]

MEASURED: tuple[SegmentKind, ...] = ("queue", "load", "prefill", "decode", "tool")
"""What a response can record, in the order in which it is drawn."""

Measured = Mapping[SegmentKind, float | None]
"""Seconds of each kind that a response recorded; None where it recorded nothing."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time that went into one thing."""

    kind: SegmentKind
    started_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return (self.ended_at - self.started_at).total_seconds()


def segments(
    delegated_at: datetime | None, started_at: datetime | None, ended_at: datetime | None, measured: Measured
) -> tuple[Segment, ...]:
    """Cut the time from delegation to end into segments without gaps; nothing where the times are unknown.

    Until the start it waited. The kinds that the response recorded follow in their usual order; what is left over is
    idle where all kinds were measured, and unknown otherwise.
    """
    if ended_at is None or (delegated_at is None and started_at is None):
        return ()
    work_began = started_at or delegated_at or ended_at
    waited = _stretch("queue", delegated_at or work_began, work_began)
    return tuple(waited) + tuple(_work(work_began, ended_at, measured))


def _work(started_at: datetime, ended_at: datetime, measured: Measured) -> Iterator[Segment]:
    """Lay the measured kinds one after the other into the time of the work, and name what remains."""
    at = started_at
    for kind in _kinds_that_fit((ended_at - started_at).total_seconds(), measured):
        until = min(at + timedelta(seconds=measured.get(kind) or 0), ended_at)
        yield from _stretch(kind, at, until)
        at = until
    is_all_measured = all(measured.get(kind) is not None for kind in MEASURED)
    yield from _stretch("idle" if is_all_measured else "unknown", at, ended_at)


def _kinds_that_fit(work_seconds: float, measured: Measured) -> tuple[SegmentKind, ...]:
    """All measured kinds; without the queue where it lies before the start and so has no room after it."""
    total_seconds = sum(seconds for seconds in measured.values() if seconds is not None)
    return MEASURED if total_seconds <= work_seconds + 0.001 else MEASURED[1:]


def _stretch(kind: SegmentKind, started_at: datetime, ended_at: datetime) -> Iterator[Segment]:
    if ended_at > started_at:
        yield Segment(kind, started_at, ended_at)


def time_spent(parts: Iterable[Segment]) -> dict[SegmentKind, float]:
    """Seconds by kind, only of kinds that occur."""
    seconds: Counter[SegmentKind] = Counter()
    for part in parts:
        seconds[part.kind] += part.seconds  # type: ignore[assignment] # a Counter adds floats as well
    return dict(seconds)
