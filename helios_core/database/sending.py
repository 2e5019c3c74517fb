"""Statements of one's own in a session: sent, where nobody needs their answer, or asked, where somebody will.

In a session that has a pipeline neither waits; what is asked is waited for when it is looked at. In any other session
they are executed on the spot.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from helios_core.database.pipeline import Parameters
from helios_core.database.session import BoundSession


def send(session: Session, statement: TextClause, parameters: Parameters) -> None:
    """Have a statement executed whose rows, if any, nobody needs."""
    pipeline = cast("BoundSession", session).pipeline
    if pipeline is None:
        session.execute(statement, parameters)
    else:
        pipeline.send(statement, parameters)


class Asked:
    """The rows of a statement that may be under way, each with its columns as attributes."""

    def __init__(self, fetch: Callable[[], Sequence[Any]]) -> None:
        self._fetch = fetch
        self._rows: Sequence[Any] | None = None

    def all(self) -> Sequence[Any]:
        """Every row."""
        if self._rows is None:
            self._rows = self._fetch()
        return self._rows

    def known(self) -> Sequence[Any] | None:
        """Every row; None where the statement failed, or the way to its answer."""
        try:
            return self.all()
        except psycopg.Error:
            return None

    def first(self) -> Any:  # noqa: ANN401 - a row
        """The first row; None where there is none."""
        return next(iter(self.all()), None)

    def one(self) -> Any:  # noqa: ANN401 - a row
        """The only row."""
        (row,) = self.all()
        return row


def ask(session: Session, statement: TextClause, parameters: Parameters) -> Asked:
    """Have a statement executed whose rows are wanted now or later."""
    pipeline = cast("BoundSession", session).pipeline
    if pipeline is None:
        return Asked(session.execute(statement, parameters).all)
    return Asked(pipeline.ask(statement, parameters).fetchall)
