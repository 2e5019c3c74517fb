"""What the database refused, said in the words of the domain."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from helios_core.errors import DuplicateEntry, InvalidInput, NotFound, Refused, TransitionRefused


@contextmanager
def refusals(session: Session) -> Iterator[None]:
    """Run a block in a savepoint, flush it, and raise what a constraint refuses as a domain error.

    After a refusal the session goes on as it was before the block.
    """
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        raise translated(error) from error


def translated(error: IntegrityError) -> Refused | NotFound:
    """The domain error for a constraint that was violated, by the constraint's name and kind."""
    cause = error.orig
    if not isinstance(cause, psycopg.errors.IntegrityError):
        return Refused(str(cause))
    constraint = cause.diag.constraint_name or ""
    table = cause.diag.table_name or ""
    if constraint.endswith("_transition"):
        return TransitionRefused(_sentence(cause.diag.message_primary))
    if isinstance(cause, psycopg.errors.UniqueViolation):
        # Row-level security keeps the values out of the database's own message.
        fields = constraint.removeprefix(f"uq_{table}_").removeprefix("user_id_")
        return DuplicateEntry(f"There is one already in {_words(table)} with this {_words(fields)}.")
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return NotFound(f"{_words(constraint.removeprefix(f'fk_{table}_'))} names nothing that exists here.")
    if isinstance(cause, psycopg.errors.NotNullViolation):
        field = cause.diag.column_name or ""
        return InvalidInput({field: f"{_words(field)} is missing."})
    field = constraint.removeprefix(f"ck_{table}_")
    return InvalidInput({field: f"{_words(field)} has a value that cannot be."})


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sentence(message: str | None) -> str:
    text = (message or TransitionRefused.__doc__ or "").strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
