"""The audit: who changed what, when and why, with what was there before and after.

An event is added in the transaction of the change: both are committed, or neither. The database lets nobody change or
delete one.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic_core import to_jsonable_python
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from helios_core.database.rows import insert_rows
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput
from helios_core.models import AuditEvent
from helios_core.models.base import Base

Row = TypeVar("Row", bound=Base)
Values = Mapping[str, Any]

SECRET = re.compile(
    r"secret|passw|passphrase|credential|authorization|(api|private|access)[_-]?key|token([_-](hash|value))?$",
    re.IGNORECASE,
)
"""Names of columns, and of keys inside JSON, whose values never enter."""
CLOCKS = {"created_at", "updated_at", "last_used_at"}
"""Columns that say when: the event does."""
NAMES = ("agent_id", "name", "username", "model_name", "gpu_id", "data_class")
"""Columns that say what a row is about; an event keeps them though they did not change."""
REASON_MAX_CHARACTERS = 500


def record(
    session: Session,
    action: str,
    subject: str,
    subject_id: object,
    *,
    before: Values | None,
    after: Values | None,
    reason: str | None = None,
    owner_id: int | None = None,
    by_helios: bool = False,
) -> None:
    """Add an event about one row of the table `subject`, unless nothing changed.

    `before` None: it is new; `after` None: it is gone. Of both only what differs is kept, and no secret. `owner_id`:
    whose row it is. `by_helios`: nobody asked for it.
    """
    old, new = _changed(without_secrets(before), without_secrets(after))
    if old is None and new is None:
        return
    event = {
        "user_id": owner_id,
        "actor_id": None if by_helios else principal_of(session).user_id,
        "action": action,
        "subject": subject,
        "subject_id": str(subject_id),
        "reason": checked_reason(reason),
        "before": old,
        "after": new,
    }
    insert_rows(session, AuditEvent, [event])


@contextmanager
def recorded(
    session: Session, action: str, row: Row, reason: str | None = None, *, by_helios: bool = False
) -> Iterator[Row]:
    """Record what a block does to `row`: adds it, changes it, or deletes it."""
    before = None if inspect(row).transient else values_of(row)
    yield row
    if before is None:
        session.add(row)
    session.flush()
    after = None if inspect(row).was_deleted or inspect(row).deleted else values_of(row)
    (subject_id,) = inspect(row).identity or (None,)
    record(
        session,
        action,
        row.__tablename__,
        subject_id,
        before=before,
        after=after,
        reason=reason,
        owner_id=getattr(row, "user_id", None),
        by_helios=by_helios,
    )


def values_of(row: Base) -> dict[str, Any]:
    """What a row holds, as JSON has it."""
    values: dict[str, Any] = to_jsonable_python(
        {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs if column.key not in CLOCKS}
    )
    return values


def without_secrets(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """JSON without the keys that name a secret, however deep."""
    if isinstance(value, Mapping):
        return {key: without_secrets(inner) for key, inner in value.items() if not SECRET.search(str(key))}
    if isinstance(value, list | tuple):
        return [without_secrets(inner) for inner in value]
    return value


def checked_reason(reason: str | None) -> str | None:
    """The reason as it is kept, or InvalidInput; an empty one is none."""
    if reason is not None and (len(reason) > REASON_MAX_CHARACTERS or "\0" in reason):
        raise InvalidInput({"reason": f"Give the reason in at most {REASON_MAX_CHARACTERS} characters."})
    return (reason or "").strip() or None


def _changed(before: Values | None, after: Values | None) -> tuple[Values | None, Values | None]:
    """Both sides with what differs and with the names; all of a side that has no other; nothing where none differs."""
    if before is None or after is None:
        return before, after
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    if not differing:
        return None, None
    kept = [name for name in after if name in differing or name in NAMES]
    return {name: before.get(name) for name in kept}, {name: after[name] for name in kept}
