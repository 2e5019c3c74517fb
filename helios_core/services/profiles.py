"""Profiles of the platform: how a user wants to be addressed, and in which zone."""

from collections.abc import Mapping
from zoneinfo import available_timezones

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotAllowed
from helios_core.models import UserProfile
from helios_core.services.editing import require_seen
from helios_core.services.permissions import Action, require

NAME_MAX_CHARACTERS = 100


def save_profile(
    session: Session, display_name: str | None, timezone: str | None, *, seen: Mapping[str, object] | None = None
) -> None:
    """Say how the principal wants to be addressed, in place of what was said before.

    None: by their username; in no zone of their own. `seen`: both as the editor saw them. Raises InvalidInput,
    EditConflict and NotAllowed.
    """
    require(session, Action.EDIT_PROFILE)
    user_id = principal_of(session).user_id
    if user_id is None:
        message = "A profile belongs to a user; sign in as one."
        raise NotAllowed(message)
    name = _name(display_name)
    if timezone is not None and timezone not in available_timezones():
        raise InvalidInput({"timezone": "Choose a time zone such as Europe/Berlin."})
    query = select(UserProfile).where(UserProfile.user_id == user_id).with_for_update()
    profile = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    held = {"display_name": profile and profile.display_name, "timezone": profile and profile.timezone}
    require_seen(seen, held, "your profile")
    with refusals(session):
        if profile is None:
            profile = UserProfile(user_id=user_id)
            session.add(profile)
        profile.display_name, profile.timezone, profile.updated_at = name, timezone, func.now()


def _name(display_name: str | None) -> str | None:
    name = (display_name or "").strip() or None
    if name is not None and (len(name) > NAME_MAX_CHARACTERS or not name.isprintable()):
        raise InvalidInput({"display_name": f"A name has at most {NAME_MAX_CHARACTERS} characters, in one line."})
    return name
