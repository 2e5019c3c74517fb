"""Activation: for which users Helios is enabled, one by one or for a share of all others.

Operators always may work. Where nobody ever said anything, it is on for all: an installation without a word about it is
as it was before there was any.
"""

import hashlib
from collections.abc import Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotEnabled, NotFound
from helios_core.models import FeatureActivation, User
from helios_core.services.audit import recorded
from helios_core.services.editing import require_seen
from helios_core.services.permissions import Action, require

EVERYBODY_PERCENT = 100


def require_enabled(session: Session) -> None:
    """Raise NotEnabled where Helios is off for the principal."""
    principal = principal_of(session)
    if principal.sees_all or principal.user_id is None:
        return
    if not is_enabled_for(session, principal.user_id):
        raise NotEnabled


def is_enabled_for(session: Session, user_id: int) -> bool:
    """What was said about the user, else whether the roll-out has reached them."""
    rows = session.execute(SAID, {"user": user_id}).all()
    said = next((row.is_enabled for row in rows if row.user_id is not None), None)
    percent = next((row.rollout_percent for row in rows if row.user_id is None), None)
    return is_reached(user_id, EVERYBODY_PERCENT if percent is None else percent) if said is None else bool(said)


SAID = text(
    "SELECT user_id, is_enabled, rollout_percent FROM feature_activations WHERE user_id = :user OR user_id IS NULL"
)
"""Asked before everything that a user does."""


def is_reached(user_id: int, percent: int) -> bool:
    """Whether a roll-out to `percent` of all users reaches this one: whom it reached it still reaches when it grows."""
    digest = hashlib.sha256(f"helios activation {user_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < percent


def set_rollout(
    session: Session, percent: int, reason: str | None = None, *, seen: Mapping[str, object] | None = None
) -> None:
    """Enable Helios for `percent` of the users of whom nothing is said one by one.

    `seen`: `{"rollout_percent": …}` as the editor saw it, None where nobody had said; EditConflict where it is another.
    """
    require(session, Action.EDIT_ACTIVATION)
    if not 0 <= percent <= EVERYBODY_PERCENT:
        raise InvalidInput({"rollout_percent": "The share is 0 to 100 %, a whole number."})
    found = _activation(session, None)
    require_seen(seen, {"rollout_percent": found.rollout_percent if found else None}, "the roll-out")
    row = found or FeatureActivation(user_id=None)
    with refusals(session), recorded(session, "changed" if found else "added", row, reason):
        row.rollout_percent = percent


def set_enabled_for(
    session: Session,
    user_id: int,
    is_enabled: bool | None,
    reason: str | None = None,
    *,
    seen: Mapping[str, object] | None = None,
) -> None:
    """Switch Helios on or off for one user; None: as the roll-out has it. Nothing of the user's is touched.

    `seen`: `{"is_enabled": …}` as the editor saw it; EditConflict where it is another by now.
    """
    require(session, Action.EDIT_ACTIVATION)
    if session.get(User, user_id) is None:
        message = f"There is no user {user_id}."
        raise NotFound(message)
    found = _activation(session, user_id)
    require_seen(seen, {"is_enabled": found.is_enabled if found else None}, f"what is said of user {user_id}")
    if is_enabled is None:
        if found is not None:
            with recorded(session, "removed", found, reason):
                session.delete(found)
        return
    row = found or FeatureActivation(user_id=user_id)
    with refusals(session), recorded(session, "changed" if found else "added", row, reason):
        row.is_enabled = is_enabled


def _activation(session: Session, user_id: int | None) -> FeatureActivation | None:
    return session.scalars(
        select(FeatureActivation)
        .where(FeatureActivation.user_id.is_not_distinct_from(user_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
