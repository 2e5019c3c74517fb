"""Users: who may work here, and in which role."""

import getpass
import re
from collections.abc import Mapping
from typing import get_args

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import Principal, Role
from helios_core.errors import DuplicateEntry, InvalidInput, NotAllowed, NotFound, Refused
from helios_core.models import User
from helios_core.services.audit import record, values_of
from helios_core.services.editing import require_seen
from helios_core.services.permissions import Action, require

USERNAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?")


def ensure_local_operator(session: Session) -> Principal:
    """The operator of this machine, named like the user of its operating system; made an admin on the first call.

    An account that exists keeps the role it has.
    """
    username = _operating_system_user()
    made = session.scalar(
        insert(User).values(username=username, role="admin").on_conflict_do_nothing().returning(User.id)
    )
    user = find_user(session, username)
    if made is not None:
        _record(session, "added", user, None, "the operator of this machine", by_helios=True)
    if not user.is_active:
        message = f"The account {username} is switched off; ask an operator to switch it on."
        raise NotAllowed(message)
    return Principal(user_id=user.id, role=user.role)  # type: ignore[arg-type]  # the table's CHECK says which there are


def create_user(
    session: Session, username: str, role: str = "user", email: str | None = None, reason: str | None = None
) -> int:
    """Add an account, and return its id. Raises InvalidInput, DuplicateEntry and NotAllowed."""
    require(session, Action.EDIT_USERS)
    if not USERNAME.fullmatch(username):
        raise InvalidInput({"username": "A name has 1 to 100 characters and no space at its ends."})
    user = User(username=username, role=_role(role), email=email)
    try:
        with refusals(session):
            session.add(user)
    except DuplicateEntry as error:
        message = f"There is a user {username} already."
        raise DuplicateEntry(message) from error
    _record(session, "added", user, None, reason)
    return user.id


def change_role(
    session: Session, user_id: int, role: str, reason: str | None = None, *, seen: Mapping[str, object] | None = None
) -> None:
    """Give a user another role; Refused where no active admin would be left.

    `seen`: columns of the account as the editor saw them; EditConflict where one is another by now.
    """
    require(session, Action.EDIT_USERS)
    user = _locked(session, user_id)
    before = values_of(user)
    require_seen(seen, before, f"the account {user.username}")
    user.role = _role(role)
    _keep_an_admin(session)
    _record(session, "changed", user, before, reason)


def set_active(
    session: Session,
    user_id: int,
    is_active: bool,
    reason: str | None = None,
    *,
    seen: Mapping[str, object] | None = None,
) -> None:
    """Switch an account on or off; nothing of the user's is touched. Refused where no active admin would be left.

    `seen`: columns of the account as the editor saw them; EditConflict where one is another by now.
    """
    require(session, Action.EDIT_USERS)
    user = _locked(session, user_id)
    before = values_of(user)
    require_seen(seen, before, f"the account {user.username}")
    user.is_active = is_active
    _keep_an_admin(session)
    _record(session, "changed", user, before, reason)


def find_user(session: Session, username: str) -> User:
    """The user of this name, or NotFound."""
    user = session.scalars(select(User).where(User.username == username)).one_or_none()
    if user is None:
        message = f"There is no user {username}."
        raise NotFound(message)
    return user


def list_users(session: Session) -> tuple[User, ...]:
    """Every user whom the principal may see, by name."""
    return tuple(session.scalars(select(User).order_by(User.username)))


def _role(role: str) -> Role:
    found = next((known for known in get_args(Role) if known == role), None)
    if found is None:
        raise InvalidInput({"role": f"Choose one of {', '.join(get_args(Role))}."})
    return found  # type: ignore[no-any-return]  # one of the Literal's values


def _locked(session: Session, user_id: int) -> User:
    """The user, while nobody else changes a user who is an admin: of two admins each cannot remove the other."""
    admins = select(User.id).where(User.role == "admin").order_by(User.id).with_for_update()
    session.execute(admins).all()
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        message = f"There is no user {user_id}."
        raise NotFound(message)
    return user


def _keep_an_admin(session: Session) -> None:
    session.flush()
    if session.scalars(select(User.id).where(User.role == "admin", User.is_active).limit(1)).first() is None:
        message = "This is the last active admin; make somebody else an admin first."
        raise Refused(message)


def _record(
    session: Session,
    action: str,
    user: User,
    before: dict[str, object] | None,
    reason: str | None,
    *,
    by_helios: bool = False,
) -> None:
    record(
        session,
        action,
        User.__tablename__,
        user.id,
        before=before,
        after=values_of(user),
        reason=reason,
        owner_id=user.id,
        by_helios=by_helios,
    )


def _operating_system_user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a user id without a name, as containers have
        return "operator"
