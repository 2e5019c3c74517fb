"""Quotas as operators list them, and as a user sees their own."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.models import PlacementQuota, User


@dataclass(frozen=True, slots=True)
class Quota:
    """How many MiB a user's agents may hold; without a user: those of everybody who has no quota of their own."""

    user_id: int | None
    username: str | None
    max_memory_mib: int
    updated_at: datetime


def list_quotas(session: Session) -> tuple[Quota, ...]:
    """Everybody's first, then by name; a member sees everybody's and their own."""
    rows = session.execute(
        select(PlacementQuota, User.username)
        .outerjoin(User, User.id == PlacementQuota.user_id)
        .order_by(PlacementQuota.user_id.is_not(None), User.username)
    )
    return tuple(Quota(row.user_id, username, row.max_memory_mb, row.updated_at) for row, username in rows)
