"""The API over real HTTP, at a database with a team, cards, and a conversation of each of two members."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import pytest
import uvicorn
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.api.serving import api_alone
from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import GPUResource, TaskDelegation, User
from helios_core.services.keys import Scope, create_key
from helios_core.services.team import ensure_default_team
from helios_core.services.workspace import Workspace
from tests.api.client import Client
from tests.conftest import administrator_of, at_database, copy_database, execute
from tests.views.scenes import timed_conversation
from tests.waiting import eventually


@dataclass(frozen=True)
class Person:
    """Somebody at the API, with a key of every scope, and what is theirs."""

    principal: Principal
    client: Client
    conversation_id: int
    delegation_id: int


@dataclass(frozen=True)
class Api:
    """A served API with three people."""

    database: Database
    port: int
    olga: Person
    mira: Person
    otto: Person

    @property
    def nobody(self) -> Client:
        """Without a key."""
        return Client(self.port)

    def key_of(self, person: Person, scope: Scope) -> Client:
        """The person with another key."""
        return Client(self.port, issue(self.database, person.principal, scope))


@pytest.fixture(scope="module")
def api(template: ServerUrls, request: pytest.FixtureRequest) -> Iterator[Api]:
    """One API and one database for all tests of a module."""
    name = f"api_{request.module.__name__.rpartition('.')[2]}"
    with administrator_of(template) as administrator:
        copy_database(administrator, "migrated", name)
        database = Database(connect(at_database(template.application, name)))
        database.serve_model_query()
        with served(database) as port:
            yield Api(database, port, *(_person(database, port, *who) for who in PEOPLE))
        database.close()
        execute(administrator, f"DROP DATABASE {name}")


_numbers = count(1)
PEOPLE = (("olga", "admin"), ("mira", "user"), ("otto", "user"))


@contextmanager
def served(database: Database) -> Iterator[int]:
    """The port of loopback at which the API serves `database`."""
    app = api_alone(lambda: Workspace(database, SYSTEM))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert eventually(lambda: server.started)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def issue(database: Database, principal: Principal, scope: Scope = Scope.ADMIN) -> str:
    """A new key of the principal's."""
    with database.session(principal) as session:
        key = create_key(session, f"{scope} {next(_numbers)}", scope, days=1)
        session.commit()
        return key.text


def add_cards(session: Session) -> None:
    """Two cards of 12 GiB."""
    names = [f"GPU-{number}" for number in range(2)]
    session.add_all(GPUResource(uuid=name, name="TITAN", host="here", total_memory_mb=12212) for name in names)
    session.flush()


def _person(database: Database, port: int, username: str, role: str) -> Person:
    with database.session(SYSTEM) as session:
        user = User(username=username, role=role)
        session.add(user)
        session.commit()
    principal = Principal(user_id=user.id, role=role)  # type: ignore[arg-type]
    with database.session(principal) as session:
        if principal.sees_all:
            add_cards(session)
            ensure_default_team(session)
        conversation_id = timed_conversation(session).id
        delegation_id = session.scalars(
            select(TaskDelegation.id)
            .where(TaskDelegation.conversation_id == conversation_id)
            .order_by(TaskDelegation.id)
        ).first()
        assert delegation_id is not None
        session.commit()
    return Person(principal, Client(port, issue(database, principal)), conversation_id, delegation_id)
