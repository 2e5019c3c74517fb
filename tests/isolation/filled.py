"""A database in which five users have a row in every table, seen as the application's role and as the owner."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import Engine

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from tests.catalog import Table, tables
from tests.isolation.matrix import Connection, Matrix, Someone, belongings
from tests.rows import fill

ROLES = ("user", "user", "user", "user", "viewer")


@dataclass(frozen=True)
class Filled:
    """A database in which everybody has something."""

    engine: Engine
    owner: Connection
    application: Connection

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables that there are now."""
        with self.engine.connect() as connection:
            return tables(connection)

    @property
    def matrix(self) -> Matrix:
        """Everybody, and what there is now."""
        users = [user for (user,) in self.owner.execute("SELECT id FROM users ORDER BY id")]
        people = [Someone(user, role) for user, role in zip(users, ROLES, strict=True)]
        everything = belongings(self.owner, self.tables, users)
        self.owner.rollback()
        return Matrix(self.tables, people, everything)

    def as_owner(self, statements: str) -> None:
        """Change the schema."""
        self.owner.execute(statements.encode())
        self.owner.commit()


@contextmanager
def at(urls: ServerUrls) -> Iterator[Filled]:
    """The database at `urls`, which is filled already."""
    engine = connect(urls.owner)
    with _raw(urls.owner.get_secret_value()) as owner, _raw(urls.application.get_secret_value()) as application:
        yield Filled(engine, owner, application)
    engine.dispose()


def fill_all(urls: ServerUrls) -> None:
    """Give everybody a row in every table."""
    engine = connect(urls.owner)
    with engine.begin() as connection:
        fill(connection, tables(connection).values(), users=len(ROLES))
    engine.dispose()


def _raw(url: str) -> Connection:
    return psycopg.connect(url.replace("+psycopg", ""), options="-c timezone=UTC")
