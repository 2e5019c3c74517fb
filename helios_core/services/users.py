"""Users: who may work here."""

import getpass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from helios_core.database.session import Principal
from helios_core.errors import NotAllowed, NotFound
from helios_core.models import User


def ensure_local_operator(session: Session) -> Principal:
    """The operator of this machine, named like the user of its operating system; made an admin on the first call.

    An account that exists keeps the role it has.
    """
    username = _operating_system_user()
    session.execute(insert(User).values(username=username, role="admin").on_conflict_do_nothing())
    user = find_user(session, username)
    if not user.is_active:
        message = f"The account {username} is switched off; ask an operator to switch it on."
        raise NotAllowed(message)
    return Principal(user_id=user.id, role=user.role)  # type: ignore[arg-type]  # the table's CHECK says which there are


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


def _operating_system_user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a user id without a name, as containers have
        return "operator"
