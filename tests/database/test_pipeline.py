"""A transaction whose statements go out ahead of their answers is whole or nothing, and its connection stays usable."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from helios_core.database.engine import connect
from helios_core.database.sending import ask, send
from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database
from helios_core.errors import DatabaseUnavailable
from helios_core.models import User
from helios_core.services.workspace import answered

ADD = text("INSERT INTO users (username, role) VALUES (:name, 'user')")
NAMED = text("SELECT id, username FROM users WHERE username = :name")
ME = text("SELECT pg_backend_pid() AS pid, current_setting('helios.role', true) AS role")


@pytest.fixture
def alone(urls: ServerUrls) -> Iterator[Database]:
    """A database with one connection, so that whoever comes next has the one that was used before."""
    database = Database(create_engine(connect(urls.application).url, pool_size=1, max_overflow=0))
    yield database
    database.close()


def usernames(database: Database) -> set[str]:
    with database.session(SYSTEM) as session:
        return set(session.scalars(select(User.username)))


def test_what_is_sent_asked_and_flushed_is_written_together(alone: Database) -> None:
    with alone.pipelined(SYSTEM) as session:
        send(session, ADD, {"name": "sent"})
        found = ask(session, NAMED, {"name": "sent"})
        session.add(User(username="flushed", role="user"))
        assert set(session.scalars(select(User.username))) == {"sent", "flushed"}
        send(session, ADD, {"name": "last"})
        assert usernames_elsewhere(alone) == set()
    assert found.one().username == "sent", "an answer may be read later"
    assert usernames(alone) == {"sent", "flushed", "last"}


def usernames_elsewhere(database: Database) -> set[str]:
    """As somebody else sees them."""
    other = Database(create_engine(database.engine.url))
    try:
        return usernames(other)
    finally:
        other.close()


def run(database: Database, use_case: Callable[[Session], object]) -> None:
    with database.pipelined(SYSTEM) as session:
        use_case(session)


def add_twice(session: Session) -> None:
    send(session, ADD, {"name": "twice"})
    send(session, ADD, {"name": "twice"})
    send(session, ADD, {"name": "after"})


def test_what_the_server_refuses_shows_at_the_end_at_the_latest(alone: Database) -> None:
    with pytest.raises(IntegrityError):
        run(alone, add_twice)
    assert usernames(alone) == set()


def test_what_the_server_refuses_shows_where_an_answer_is_waited_for(alone: Database) -> None:
    asked = []

    def look(session: Session) -> None:
        asked.append(ask(session, NAMED, {"name": "nobody"}))
        add_twice(session)
        asked.append(ask(session, NAMED, {"name": "nobody"}))
        asked[1].all()
        asked.clear()

    with pytest.raises(IntegrityError):
        run(alone, look)
    assert [one.known() for one in asked] == [[], None], "what never came is not known"


def fail_in_a_savepoint(session: Session) -> None:
    session.begin_nested()
    send(session, ADD, {"name": "inside"})
    raise KeyError("inside")


def refuse_in_a_savepoint(session: Session) -> None:
    session.begin_nested()
    send(session, ADD, {"name": "inside"})
    ask(session, ADD, {"name": "inside"}).all()


@pytest.mark.parametrize(("failing", "error"), [(fail_in_a_savepoint, KeyError), (refuse_in_a_savepoint, DBAPIError)])
def test_a_connection_serves_the_next_whatever_became_of_the_one_before(
    alone: Database, failing: Callable[[Session], None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        run(alone, failing)
    with alone.session(SYSTEM) as session:
        session.add(User(username="unsaved", role="user"))
        session.flush()
    with alone.pipelined(SYSTEM) as session:
        assert ask(session, ME, {}).one().role == "operator"
        send(session, ADD, {"name": "saved"})
    assert usernames(alone) == {"saved"}


def test_a_savepoint_within_takes_back_only_what_is_in_it(alone: Database) -> None:
    with alone.pipelined(SYSTEM) as session:
        send(session, ADD, {"name": "before"})
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add_all([User(username="before", role="user")])
        send(session, ADD, {"name": "after"})
    assert usernames(alone) == {"before", "after"}


def test_a_connection_that_dies_is_told_as_the_databases_absence_and_replaced(alone: Database) -> None:
    def die(session: Session) -> None:
        send(session, ADD, {"name": "lost"})
        end(alone, ask(session, ME, {}).one().pid)
        send(session, ADD, {"name": "lost, too"})

    with pytest.raises(DatabaseUnavailable), answered():
        run(alone, die)
    assert usernames(alone) == set()
    run(alone, lambda session: send(session, ADD, {"name": "kept"}))
    assert usernames(alone) == {"kept"}


def end(database: Database, pid: int) -> None:
    """End a connection from another."""
    engine = create_engine(database.engine.url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    engine.dispose()
