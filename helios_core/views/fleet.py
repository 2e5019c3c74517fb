"""All cards with what they did over the last while: what the overview and the GPUs page show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.views.gpus import GpuCard, list_gpus
from helios_core.views.history import Energy, GpuSeries, energy_used, gpu_history


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """The cards, and by card the series and the energy of the time from `start` to `end`."""

    cards: tuple[GpuCard, ...]
    series: Mapping[int, GpuSeries]
    energy: Mapping[int, Energy]
    start: datetime
    end: datetime


def fleet(session: Session, span: timedelta, points: int) -> Fleet:
    """Every card with its last `span`, at most `points` points a line."""
    cards = list_gpus(session)
    ids = [card.id for card in cards]
    end: datetime = session.scalars(select(func.now())).one()
    start = end - span
    series = {found.gpu_id: found for found in gpu_history(session, ids, start, end, points)}
    energy = {found.gpu_id: found for found in energy_used(session, ids, start, end)}
    return Fleet(cards, series, energy, start, end)
