"""What has to be done now and then beside the writing: partitions ahead, rollups, the end of what is old."""

from collections.abc import Collection
from datetime import datetime
from time import monotonic

from sqlalchemy.orm import Session

from helios_core.settings import Settings
from helios_core.telemetry.rollups import ensure_partitions, expire, roll_up, unrolled_since

EVERY_SECONDS: dict[str | int, float] = {10: 10.0, 60: 10.0, 300: 30.0, 3600: 60.0, "expire": 3600.0}
"""How often each chore is done: rollups by their resolution, and the end of what is old."""


class Housekeeping:
    """Remembers what is done, so that nothing is done more often than it has to be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._due_at: dict[str | int, float] = {}
        self._unrolled_since: dict[int, datetime] = {}

    def forget(self) -> None:
        """Trust nothing that was done in a transaction which failed."""
        self._due_at, self._unrolled_since = {}, {}

    def note(self, oldest: datetime) -> None:
        """Samples were written, the oldest of this time: late ones change rollups that are done."""
        for resolution, since in self._unrolled_since.items():
            self._unrolled_since[resolution] = min(since, oldest)

    def chores(self) -> list[str | int]:
        """What is due now: "expire", or the resolution in seconds of rollups."""
        return [chore for chore in EVERY_SECONDS if monotonic() >= self._due_at.get(chore, float("-inf"))]

    def keep(self, session: Session, chores: Collection[str | int], gpu_ids: Collection[int], now: datetime) -> None:
        """Do these chores for these cards."""
        for chore in chores:
            if isinstance(chore, int):
                since = self._unrolled_since.get(chore) or unrolled_since(session, chore, gpu_ids)
                roll_up(session, chore, gpu_ids, since)
                self._unrolled_since[chore] = now
            else:
                ensure_partitions(session, now)
                expire(session, self._settings, now, gpu_ids)
            self._due_at[chore] = monotonic() + EVERY_SECONDS[chore]
