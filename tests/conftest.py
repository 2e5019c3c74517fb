"""A real PostgreSQL for every test that asks: one server a run, one database a test, cloned from a migrated one."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.server import EmbeddedServer, ServerUrls
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import User
from helios_core.services.workspace import Workspace

APPLICATION_ROLE = "helios_app"
MEMORY = Path("/dev/shm")
"""Where a server's files are in memory: a database is copied and dropped there 20 times as fast as on a disk."""
ROOMY_BYTES = 2 << 30
_numbers = count(1)

hypothesis.settings.register_profile(
    # How fast a shared machine happens to be is no property of what is tested.
    "helios",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
)
hypothesis.settings.load_profile("helios")


def pytest_configure() -> None:
    """Heed signals again that a launcher such as nohup had us ignore: what we start inherits that."""
    for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


LONGEST_FIRST = (
    "test_up.py",
    "test_canary.py",
    "test_kills.py",
    "test_agents.py",
    "test_packaging.py",
    "test_style.py",
    "test_cli.py",
)
"""The files that take longest begin, so that all workers end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@cache
def in_memory() -> bool:
    """Whether the databases of this run are kept in memory: where there is room."""
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOMY_BYTES


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A folder that the server's user can reach; pytest's own is closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="helios-tests-", dir=MEMORY if in_memory() else None))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    """The one server of this run. HELIOS_PG_BIN chooses other binaries."""
    pg_bin = os.environ.get("HELIOS_PG_BIN")
    server = EmbeddedServer(data_dir, pg_bin=Path(pg_bin) if pg_bin else None)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> ServerUrls:
    """Where the migrated database is that every test's database is a copy of."""
    urls = server.start()
    migrating.upgrade(urls.owner, APPLICATION_ROLE)
    # Copied once more: a database that anybody is connected to cannot be a template.
    with administrator_of(urls) as administrator:
        copy_database(administrator, "helios", "migrated")
    return urls


def copy_database(administrator: Engine, template: str, name: str) -> None:
    """Make the database `name` out of `template`."""
    strategy = "FILE_COPY" if in_memory() else "WAL_LOG"
    execute(administrator, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}")


def at_database(url: SecretStr, name: str) -> SecretStr:
    """`url`, pointed at another database of the same server."""
    return SecretStr(make_url(url.get_secret_value()).set(database=name).render_as_string(hide_password=False))


@pytest.fixture
def urls(template: ServerUrls) -> Iterator[ServerUrls]:
    """A fresh migrated database, as its owner and as the application."""
    name = f"test_{next(_numbers)}"
    with administrator_of(template) as administrator:
        copy_database(administrator, "migrated", name)
        yield ServerUrls(owner=at_database(template.owner, name), application=at_database(template.application, name))
        execute(administrator, f"DROP DATABASE {name}")


@pytest.fixture
def blank(template: ServerUrls) -> Iterator[ServerUrls]:
    """An empty database, as its owner and as the application."""
    name = f"blank_{next(_numbers)}"
    with administrator_of(template) as administrator:
        execute(administrator, f"CREATE DATABASE {name}")
        yield ServerUrls(owner=at_database(template.owner, name), application=at_database(template.application, name))
        execute(administrator, f"DROP DATABASE {name}")


@contextmanager
def administrator_of(urls: ServerUrls) -> Iterator[Engine]:
    """A way to the server beside the databases that tests use."""
    engine = connect(at_database(urls.owner, "postgres"))
    try:
        yield engine
    finally:
        engine.dispose()


def execute(engine: Engine, statement: str) -> None:
    """Run what may not stand in a transaction."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(statement))


@pytest.fixture
def owner_url(urls: ServerUrls) -> SecretStr:
    """The test's database as the role that owns its tables."""
    return urls.owner


@pytest.fixture
def database(urls: ServerUrls) -> Iterator[Database]:
    """The test's database as the application sees it."""
    database = Database(connect(urls.application))
    database.serve_model_query()
    yield database
    database.close()


def add_user(database: Database, username: str, role: str) -> Principal:
    """A user of the test's database."""
    with database.session(SYSTEM) as session:
        user = User(username=username, role=role)
        session.add(user)
        session.commit()
        return Principal(user_id=user.id, role=role)  # type: ignore[arg-type]


@pytest.fixture
def operator(database: Database) -> Principal:
    """Somebody who sees and manages everything."""
    return add_user(database, "olga", "admin")


@pytest.fixture
def member(database: Database) -> Principal:
    """A user, who sees only their own."""
    return add_user(database, "mira", "user")


@pytest.fixture
def other_member(database: Database) -> Principal:
    """Another user."""
    return add_user(database, "otto", "user")


@pytest.fixture
def workspace(database: Database, operator: Principal) -> Workspace:
    """The operator at the test's database."""
    return Workspace(database, operator)
