"""Everybody's rows: what others hold decides what is left for one, though it stays unseen."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.sending import send
from helios_core.database.session import principal_of


@contextmanager
def everybodys_rows(session: Session) -> Iterator[None]:
    """Let the statements of a block meet the rows of all users. What they find must leave as sums only."""
    if principal_of(session).sees_all:
        yield
        return
    principal = principal_of(session)
    send(session, ROLE, {"role": "operator"})
    yield
    send(session, ROLE, {"role": principal.role})


ROLE = text("SELECT set_config('helios.role', :role, true)")
