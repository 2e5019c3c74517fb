"""Quotas: how much memory of all cards together a user's agents may be promised.

What counts is each agent as if it shared its weights with nobody, so that a quota does not depend on others. Defaults
of all users count for nobody. A lower quota takes nothing away; it lets nothing new in.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import InvalidInput, NotFound
from helios_core.models import PlacementQuota, User
from helios_core.services.audit import recorded
from helios_core.services.permissions import Action, require


def set_quota(session: Session, user_id: int | None, max_memory_mib: int, reason: str | None = None) -> None:
    """Let a user's agents hold so many MiB at most; `user_id` None: those of everybody without a quota of their own."""
    require(session, Action.EDIT_QUOTAS)
    if not 0 <= max_memory_mib <= 2**31 - 1:
        raise InvalidInput({"max_memory_mb": "A quota is whole MiB from 0."})
    if user_id is not None and session.get(User, user_id) is None:
        message = f"There is no user {user_id}."
        raise NotFound(message)
    quota = _quota(session, user_id)
    with recorded(session, "changed" if quota else "added", quota or PlacementQuota(user_id=user_id), reason) as row:
        row.max_memory_mb = max_memory_mib


def remove_quota(session: Session, user_id: int | None, reason: str | None = None) -> None:
    """Let everybody's quota hold for a user again, or with None nobody's."""
    require(session, Action.EDIT_QUOTAS)
    quota = _quota(session, user_id)
    if quota is None:
        message = "There is no such quota."
        raise NotFound(message)
    with recorded(session, "removed", quota, reason):
        session.delete(quota)


def _quota(session: Session, user_id: int | None) -> PlacementQuota | None:
    found = select(PlacementQuota).where(PlacementQuota.user_id.is_not_distinct_from(user_id))
    return session.scalars(found.with_for_update().execution_options(populate_existing=True)).one_or_none()
