"""Pipelines: statements that are sent before those ahead of them are answered, over libpq's pipeline mode.

A transaction of many statements then waits for the server only where it needs to know something, and works on while
the server does. What a statement is refused for shows at the next answer that is waited for, at the latest at the end.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import Any, Self, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

Parameters = Mapping[str, Any]
Driver = psycopg.Connection[Any]

DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
BEGIN, COMMIT = text("BEGIN"), text("COMMIT")

# A pipeline that is left because its connection died warns that it could not be left; the death itself is raised.
logging.getLogger("psycopg").setLevel(logging.ERROR)


class Awaited(psycopg.Cursor[Any]):
    """SQLAlchemy's cursor in a pipeline: what it executes is answered before it goes on."""

    def __init__(self, driver: Driver, *, pipeline: psycopg.Pipeline, **options: Any) -> None:  # noqa: ANN401
        super().__init__(driver, **options)
        self._pipeline = pipeline

    def execute(self, *args: Any, **options: Any) -> Self:  # noqa: ANN401 - as psycopg's
        """Execute a statement, and wait for its answer."""
        super().execute(*args, **options)
        self._pipeline.sync()
        return self

    def executemany(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as psycopg's
        """Execute a statement for each of many parameters, and wait for the answers."""
        super().executemany(*args, **options)
        self._pipeline.sync()


class Pipeline:
    """A connection's pipeline, where statements go out one after the other."""

    def __init__(self, driver: Driver, entered: psycopg.Pipeline) -> None:
        self._driver = driver
        self._entered = entered

    def send(self, statement: TextClause, parameters: Parameters) -> None:
        """Send a statement whose rows, if any, nobody needs."""
        psycopg.Cursor(self._driver).execute(_sql(statement), parameters)

    def ask(self, statement: TextClause, parameters: Parameters) -> psycopg.Cursor[Any]:
        """Send a statement; whoever fetches from the cursor waits for its answer. Columns are attributes of a row."""
        return psycopg.Cursor(self._driver, row_factory=namedtuple_row).execute(_sql(statement), parameters)

    def recover(self) -> None:
        """After a statement failed, let the server listen again, to be told to roll back."""
        with suppress(psycopg.Error):
            self._entered.sync()


@contextmanager
def pipeline(connection: Connection) -> Iterator[Pipeline]:
    """A pipeline on a connection that has not begun a transaction; committed where the block ends.

    Raises DBAPIError for whatever the server, or the way to it, refuses.
    """
    driver = cast("Driver", connection.connection.driver_connection)
    try:
        with _by_hand(driver), driver.pipeline() as entered:
            driver.cursor_factory = cast("type[psycopg.Cursor[Any]]", partial(Awaited, pipeline=entered))
            ahead = Pipeline(driver, entered)
            ahead.send(BEGIN, {})
            yield ahead
            ahead.send(COMMIT, {})
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise _as_sqlalchemy(error, connection) from error


@contextmanager
def _by_hand(driver: Driver) -> Iterator[None]:
    """A block that begins and commits its transaction itself: psycopg would wait for the answer to its BEGIN."""
    usual = driver.cursor_factory
    driver.autocommit = True
    try:
        yield
    finally:
        driver.cursor_factory = usual
        if not driver.closed:
            driver.rollback()  # what failed halfway
            driver.autocommit = False


def _as_sqlalchemy(error: psycopg.Error, connection: Connection) -> Exception:
    """The error as SQLAlchemy would have raised it."""
    return DBAPIError.instance(
        None, None, error, psycopg.Error, connection_invalidated=connection.invalidated, dialect=connection.dialect
    )


@lru_cache(maxsize=512)
def _sql(statement: TextClause) -> bytes:
    """The statement in the words of psycopg."""
    return str(statement.compile(dialect=DIALECT)).encode()
