"""Profiles of users: how each wants to be addressed, and in which zone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.models import User, UserProfile


@dataclass(frozen=True, slots=True)
class Profile:
    """What a user said of themselves; None where they said nothing."""

    display_name: str | None = None
    timezone: str | None = None


def profiles_of(session: Session, user_ids: Collection[int]) -> Mapping[int, Profile]:
    """By user: the profiles of those who have one and whom the reader may see."""
    rows = session.scalars(select(UserProfile).where(UserProfile.user_id.in_(user_ids)))
    return {row.user_id: Profile(row.display_name, row.timezone) for row in rows}


def own_profile(session: Session) -> Profile:
    """The reader's own; empty for a process of Helios itself."""
    me = principal_of(session).user_id
    return Profile() if me is None else profiles_of(session, [me]).get(me, Profile())


def display_name() -> ScalarSelect[str | None]:
    """The column, beside a user, with how that user wants to be addressed. A host may keep several profiles of one."""
    newest = select(UserProfile.display_name).where(UserProfile.user_id == User.id)
    return newest.order_by(UserProfile.updated_at.desc()).limit(1).correlate(User).scalar_subquery()
