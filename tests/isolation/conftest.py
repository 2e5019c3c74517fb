"""Five users who each have a row in every table, seen as the application's role and as the owner."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from tests.catalog import tables
from tests.isolation.matrix import Connection, Leak, Matrix, Someone, belongings
from tests.rows import fill

ROLES = ("user", "user", "user", "user", "viewer")


@dataclass(frozen=True)
class Filled:
    """A database in which everybody has something."""

    urls: ServerUrls
    owner: Connection
    application: Connection
    matrix: Matrix

    def leaks(self, *among: str) -> list[Leak]:
        """What one user learns of another's rows, or does to them, in all tables or in those of `among`."""
        return self.matrix.leaks(self.application, among)

    def as_owner(self, *statements: str) -> None:
        """Change the schema."""
        for statement in statements:
            self.owner.execute(statement.encode())
        self.owner.commit()


@pytest.fixture
def filled(urls: ServerUrls) -> Iterator[Filled]:
    """The test's database, with five users and a row of each in every table."""
    engine = connect(urls.owner)
    with engine.begin() as connection:
        found = tables(connection)
        fill(connection, found.values(), users=len(ROLES))
    engine.dispose()
    with _raw(urls.owner.get_secret_value()) as owner, _raw(urls.application.get_secret_value()) as application:
        users = [user for (user,) in owner.execute("SELECT id FROM users ORDER BY id")]
        people = [Someone(user, role) for user, role in zip(users, ROLES, strict=True)]
        matrix = Matrix(found, people, belongings(owner, found, users))
        owner.commit()
        yield Filled(urls, owner, application, matrix)


def _raw(url: str) -> Connection:
    return psycopg.connect(url.replace("+psycopg", ""), options="-c timezone=UTC")
