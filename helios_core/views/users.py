"""Users as their list and form show them: who may work here, and whether Helios is enabled for them, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from helios_core.database.session import Role, principal_of
from helios_core.errors import NotAllowed, NotFound
from helios_core.models import FeatureActivation, User
from helios_core.services.activation import EVERYBODY_PERCENT, is_reached
from helios_core.views.profiles import display_name

Why = Literal["operator", "by name", "roll-out"]
OPERATOR_ROLES = ("admin", "operator")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may work here. `said` is what was said of them by name, None where nothing was."""

    id: int
    username: str
    display_name: str | None
    """How they want to be addressed, where their profile says so."""
    email: str | None
    role: str
    is_active: bool
    created_at: datetime
    said: bool | None
    is_enabled: bool
    """Whether Helios is enabled for them."""
    why: Why
    """What decides that: operators always may; what was said by name goes before the roll-out."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The first accounts that match, and how many match in all."""

    rows: tuple[Account, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """For how many of the users of whom nothing is said by name Helios is enabled. Percent is None: nobody said."""

    percent: int | None
    user_ids: tuple[int, ...]
    """The users whom it is about."""

    def reached(self, percent: int) -> int:
        """How many of them a roll-out to `percent` reaches."""
        return sum(is_reached(user_id, percent) for user_id in self.user_ids)


def own_role(session: Session) -> Role:
    """The role that the reader's account has at this moment. NotAllowed where it is switched off or gone."""
    user = session.scalars(select(User).where(User.id == principal_of(session).user_id)).one_or_none()
    if user is None or not user.is_active:
        message = "Your account is switched off; ask an admin to switch it on."
        raise NotAllowed(message)
    return user.role  # type: ignore[return-value]  # the table's CHECK says which there are


def list_accounts(session: Session, words: str = "", limit: int = 100) -> Accounts:
    """The accounts that the reader may see and whose name or address holds every word, by name."""
    matching = [_holds(word) for word in words.split()]
    total = session.scalars(select(func.count()).select_from(User).where(*matching)).one()
    rows = session.execute(_known().where(*matching).order_by(User.username).limit(limit)).all()
    return Accounts(tuple(_accounts(rows, _percent(session))), total)


def find_account(session: Session, user_id: int) -> Account:
    """One account, or NotFound."""
    rows = session.execute(_known().where(User.id == user_id)).all()
    for account in _accounts(rows, _percent(session)):
        return account
    message = f"There is no user {user_id}."
    raise NotFound(message)


def rollout(session: Session) -> Rollout:
    """The roll-out, and whom it is about."""
    about = (
        select(User.id)
        .outerjoin(FeatureActivation, FeatureActivation.user_id == User.id)
        .where(User.role.not_in(OPERATOR_ROLES), FeatureActivation.id.is_(None))
    )
    return Rollout(_percent(session), tuple(session.scalars(about)))


def _known() -> Select[User, str | None, bool | None]:
    """Accounts with their names and what was said of them."""
    return select(User, display_name(), FeatureActivation.is_enabled).outerjoin(
        FeatureActivation, FeatureActivation.user_id == User.id
    )


def _percent(session: Session) -> int | None:
    return session.scalars(
        select(FeatureActivation.rollout_percent).where(FeatureActivation.user_id.is_(None))
    ).one_or_none()


def _holds(word: str) -> ColumnElement[bool]:
    return func.concat_ws(" ", User.username, User.email, display_name()).icontains(word, autoescape=True)


def _accounts(rows: Iterable[Row[User, str | None, bool | None]], percent: int | None) -> Iterable[Account]:
    for user, name, said in rows:
        is_enabled, why = _enabled(user, said, EVERYBODY_PERCENT if percent is None else percent)
        yield Account(
            id=user.id,
            username=user.username,
            display_name=name,
            email=user.email,
            role=user.role,
            is_active=user.is_active,
            created_at=user.created_at,
            said=said,
            is_enabled=is_enabled,
            why=why,
        )


def _enabled(user: User, said: bool | None, percent: int) -> tuple[bool, Why]:
    if user.role in OPERATOR_ROLES:
        return True, "operator"
    if said is not None:
        return said, "by name"
    return is_reached(user.id, percent), "roll-out"
