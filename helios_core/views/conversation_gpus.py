"""What the cards did while a conversation was held here."""

from dataclasses import dataclass
from datetime import datetime
from math import isnan

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.models import GPUResource, MultiAgentConversation, TaskDelegation
from helios_core.views.history import Energy, GpuSeries, ThrottleSpan, energy_used, gpu_history, throttle_spans

HELD_HERE = ("live", "rehearsal")
POINTS = 300


@dataclass(frozen=True, slots=True)
class GpuDuring:
    """One card during a conversation: point `i` stands for the step from `start + i * step_seconds` on."""

    gpu_id: int
    name: str
    is_simulated: bool
    start: datetime
    step_seconds: int
    utilization_percent: tuple[float | None, ...]
    throttling: tuple[ThrottleSpan, ...]
    energy: Energy


def conversation_gpus(session: Session, conversation_id: int) -> tuple[GpuDuring, ...]:
    """The cards with readings of the conversation's time; those that its delegations ran on, where that was recorded.

    What was imported, and the samples, were not held on these cards: their time says nothing about them.
    """
    held = session.execute(
        select(
            MultiAgentConversation.started_at, func.coalesce(MultiAgentConversation.ended_at, func.now()).label("end")
        ).where(MultiAgentConversation.id == conversation_id, MultiAgentConversation.source.in_(HELD_HERE))
    ).one_or_none()
    if held is None or held.started_at is None or held.end <= held.started_at:
        return ()
    cards = {card.id: card for card in session.scalars(select(GPUResource).order_by(GPUResource.id))}
    used = _used(session, conversation_id)
    ids = [gpu_id for gpu_id in cards if not used or gpu_id in used]
    series = gpu_history(session, ids, held.started_at, held.end, POINTS)
    energy = energy_used(session, ids, held.started_at, held.end)
    return tuple(
        _during(cards[found.gpu_id], found, spent)
        for found, spent in zip(series, energy, strict=True)
        if any(not isnan(value) for value in found.utilization_percent.tolist())
    )


def _used(session: Session, conversation_id: int) -> set[int]:
    """The cards that the conversation's delegations ran on."""
    return {
        gpu_id
        for gpu_id in session.scalars(
            select(TaskDelegation.gpu_id).where(TaskDelegation.conversation_id == conversation_id).distinct()
        )
        if gpu_id is not None
    }


def _during(card: GPUResource, series: GpuSeries, energy: Energy) -> GpuDuring:
    return GpuDuring(
        gpu_id=card.id,
        name=card.name,
        is_simulated=card.is_simulated,
        start=series.start,
        step_seconds=series.step_seconds,
        utilization_percent=tuple(
            None if isnan(value) else round(value, 1) for value in series.utilization_percent.tolist()
        ),
        throttling=throttle_spans(series),
        energy=energy,
    )
