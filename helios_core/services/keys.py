"""Keys to the REST API: each acts as its user, within its scope, until it expires or is revoked.

A key reads `hel_<id>_<secret><check>`: 8 letters and digits that name it, a secret of 256 bits, and a checksum by which
a key that was cut short is told from a wrong one. Of the secret only a SHA-256 is kept: there is too much chance in it
to be guessed, so a slow hash would protect nothing more.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import Principal, principal_of
from helios_core.errors import DuplicateEntry, InvalidInput, KeyRefused, NotFound
from helios_core.models import ApiKey, User
from helios_core.services.audit import recorded
from helios_core.services.permissions import Action, require

ALPHABET = string.ascii_letters + string.digits
ID_CHARACTERS, SECRET_CHARACTERS, CHECK_CHARACTERS = 8, 43, 6
"""43 characters of 62 are 256 bits; 6 hold the 32 bits of a CRC."""
_ONE = "[A-Za-z0-9]"
FORM = re.compile(f"(hel_({_ONE}{{{ID_CHARACTERS}}})_{_ONE}{{{SECRET_CHARACTERS}}})({_ONE}{{{CHECK_CHARACTERS}}})")
NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?")
LONGEST_DAYS = 366
USE_NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: a busy key would else cost a write with every read."""


class Scope(StrEnum):
    """What a key opens; each also opens what the ones before it do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. Its `text` is nowhere else: shown now, it cannot be shown again."""

    key_id: str
    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whom a key lets in, and how far."""

    key_id: str
    name: str
    username: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    principal: Principal


def create_key(session: Session, name: str, scope: Scope, days: int, user_id: int | None = None) -> IssuedKey:
    """A key that is good for `days`, of the principal or, where an admin makes it, of another user.

    Raises InvalidInput, DuplicateEntry, NotFound and NotAllowed.
    """
    require(session, Action.KEEP_KEYS)
    owner_id = _owner(session, user_id)
    _check(name, days)
    key_id = _random(ID_CHARACTERS)
    body = f"hel_{key_id}_{_random(SECRET_CHARACTERS)}"
    expires_at = datetime.now(UTC) + timedelta(days=days)
    key = ApiKey(
        user_id=owner_id,
        name=name,
        key_id=key_id,
        secret_hash=_digest(body),
        scopes=[known.value for known in Scope][: list(Scope).index(scope) + 1],
        expires_at=expires_at,
    )
    try:
        with refusals(session), recorded(session, "added", key):
            session.add(key)
    except DuplicateEntry as error:
        message = f"There is a key called {name} already; give this one another name."
        raise DuplicateEntry(message) from error
    return IssuedKey(key_id, body + _checksum(body), expires_at)


def revoke_key(session: Session, key_id: str, reason: str | None = None) -> None:
    """Let a key open nothing any more. Revoked twice it stays revoked since the first time."""
    require(session, Action.KEEP_KEYS)
    key = session.scalars(select(ApiKey).where(ApiKey.key_id == key_id).with_for_update()).one_or_none()
    if key is None:
        message = f"There is no key {key_id}."
        raise NotFound(message)
    if key.user_id != principal_of(session).user_id:
        require(session, Action.EDIT_USERS)
    if key.revoked_at is None:
        with recorded(session, "revoked", key, reason):
            key.revoked_at = func.now()


def authenticate(session: Session, text: str) -> KeyHolder:
    """Whom the key lets in; KeyRefused where it is none, or not any more. The session is Helios's own."""
    written = FORM.fullmatch(text)
    if written is None or not hmac.compare_digest(_checksum(written[1]), written[3]):
        message = "This is not a key of Helios, or a part of it is missing."
        raise KeyRefused(message)
    found = session.execute(
        select(ApiKey, User, func.now()).join(User, User.id == ApiKey.user_id).where(ApiKey.key_id == written[2])
    ).one_or_none()
    # Compared also where no such key is, so that the answer takes as long.
    is_right = hmac.compare_digest(_digest(written[1]), found[0].secret_hash if found else _digest(""))
    if found is None or not is_right:
        raise KeyRefused
    key, user, now = found
    _refuse_ended(key, user, now)
    _note_use(session, key, now)
    return KeyHolder(
        key_id=key.key_id,
        name=key.name,
        username=user.username,
        scopes=frozenset(Scope(scope) for scope in key.scopes),
        expires_at=key.expires_at,
        principal=Principal(user_id=user.id, role=user.role),  # type: ignore[arg-type]  # the table's CHECK says which
    )


def _owner(session: Session, user_id: int | None) -> int:
    own = principal_of(session).user_id
    owner_id = own if user_id is None else user_id
    if owner_id is None:
        raise InvalidInput({"user_id": "Say whose key it is."})
    if owner_id != own:
        require(session, Action.EDIT_USERS)
    if session.get(User, owner_id) is None:
        message = f"There is no user {owner_id}."
        raise NotFound(message)
    return owner_id


def _check(name: str, days: int) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput({"name": "Name the key in 1 to 100 characters, without spaces at its ends."})
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput({"days": f"A key is good for 1 to {LONGEST_DAYS} days."})


def _refuse_ended(key: ApiKey, user: User, now: datetime) -> None:
    """Say to whoever holds the right secret why it opens nothing any more."""
    reason = None
    if key.revoked_at is not None:
        reason = f"The key {key.name} was revoked at {key.revoked_at:%Y-%m-%d %H:%M} UTC."
    elif key.expires_at is not None and key.expires_at <= now:
        reason = f"The key {key.name} expired at {key.expires_at:%Y-%m-%d %H:%M} UTC."
    elif not user.is_active:
        reason = f"The account {user.username} is switched off."
    if reason is not None:
        raise KeyRefused(reason)


def _note_use(session: Session, key: ApiKey, now: datetime) -> None:
    if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
        session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))


def _random(characters: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(characters))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _checksum(body: str) -> str:
    """The CRC-32 of `body` in base 62."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_CHARACTERS):
        rest, digit = divmod(rest, len(ALPHABET))
        digits += ALPHABET[digit]
    return digits
