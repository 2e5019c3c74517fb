"""Keys to the REST API as their list shows them: never what opens it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.models import ApiKey, User


@dataclass(frozen=True, slots=True)
class Key:
    """One key; its `state` is active, expired, revoked, or switched off with its user's account."""

    key_id: str
    name: str
    username: str
    scope: str
    """The furthest of its scopes."""
    state: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute; None: never."""


def list_keys(session: Session) -> tuple[Key, ...]:
    """The keys that the reader may see, by user, the newest first."""
    rows = session.execute(
        select(ApiKey, User, func.now())
        .join(User, User.id == ApiKey.user_id)
        .order_by(User.username, ApiKey.created_at.desc(), ApiKey.id.desc())
    )
    return tuple(
        Key(
            key_id=key.key_id,
            name=key.name,
            username=user.username,
            scope=str(key.scopes[-1]),
            state=_state(key, user, now),
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
        )
        for key, user, now in rows
    )


def _state(key: ApiKey, user: User, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active" if user.is_active else "switched off"
