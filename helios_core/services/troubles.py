"""Troubles of cards, with hysteresis: what is seen becomes a trouble that is acted on only when it has lasted.

A trouble is acted on when it was seen without a calm reading in between for ACT_AFTER_SECONDS. From then on it ends
only after CALM_SECONDS of calm readings without a break. Between calm and bad lies a margin: a temperature counts as
calm only MARGIN_CELSIUS below its limit, and what is not known counts as neither. So a reading that goes to and fro
never acts, and a trouble that has acted does not end and begin again with every tick.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["lost", "over_promised", "throttled", "hot"]
Sign = Literal["bad", "calm", "between"]

ACT_AFTER_SECONDS: dict[Kind, float] = {"lost": 15, "over_promised": 30, "throttled": 60, "hot": 120}
CALM_SECONDS = 300.0
MARGIN_CELSIUS = 5.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A trouble as far as it is known. `seen_at`: the last bad reading."""

    kind: Kind
    began_at: datetime
    seen_at: datetime
    calm_since: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_acting(self) -> bool:
        """Whether it has lasted long enough to do something about it."""
        return self.seen_at - self.began_at >= timedelta(seconds=ACT_AFTER_SECONDS[self.kind])


def watch(before: Watched | None, kind: Kind, sign: Sign, now: datetime) -> Watched | None:
    """The trouble after one more reading; None where there is none, or it passed before it was acted on."""
    if before is None:
        return Watched(kind, now, now) if sign == "bad" else None
    if sign == "bad":
        return replace(before, seen_at=now, calm_since=None)
    if sign == "between":
        return replace(before, calm_since=None)
    if not before.is_acting:
        return None
    since = before.calm_since or now
    is_over = now - since >= timedelta(seconds=CALM_SECONDS)
    return replace(before, calm_since=since, ended_at=now if is_over else None)


def sign_of_heat(celsius: float | None, limit: float | None) -> Sign:
    """How a temperature stands to its limit."""
    if celsius is None or limit is None:
        return "between"
    return "bad" if celsius >= limit else "calm" if celsius <= limit - MARGIN_CELSIUS else "between"


def sign_of(is_bad: bool | None) -> Sign:
    """How something that is or is not stands; None: nobody knows."""
    return "between" if is_bad is None else "bad" if is_bad else "calm"
