"""Who is there to carry conversations, and what waits for somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from helios_core.models import ConversationRun, Worker
from helios_core.services.workers import LEASE_SECONDS

PATIENCE = timedelta(seconds=5)
"""A run is taken up within a moment; only one that was asked for longer ago is said to wait."""


@dataclass(frozen=True, slots=True)
class Workforce:
    """Workers that are seen, and the conversations that the reader may see: carried ones, and ones that wait."""

    workers: int
    carried: int
    waiting: int
    waiting_since: datetime | None
    """When the first of them was asked."""


def workforce(session: Session) -> Workforce:
    """How it stands now. A paused conversation waits for nobody."""
    now = func.clock_timestamp()
    is_seen = and_(Worker.ended_at.is_(None), Worker.seen_at > now - timedelta(seconds=LEASE_SECONDS))
    waits = and_(Worker.id.is_(None), ConversationRun.requested_at < now - PATIENCE)
    carried, waiting, since = session.execute(
        select(
            func.count(Worker.id),
            func.count().filter(waits),
            func.min(ConversationRun.requested_at).filter(waits),
        )
        .select_from(ConversationRun)
        .outerjoin(Worker, and_(Worker.id == ConversationRun.worker_id, is_seen))
        .where(ConversationRun.ended_at.is_(None), ConversationRun.paused_at.is_(None))
    ).one()
    workers = session.scalars(select(func.count()).select_from(Worker).where(is_seen)).one()
    return Workforce(workers, carried, waiting, since)
