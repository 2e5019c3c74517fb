"""Caches: fast, fresh within a second, and never another reader's."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic, perf_counter

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from helios_core.database.engine import connect
from helios_core.database.listening import Listener
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database, Principal
from helios_core.errors import DatabaseUnavailable, NotEnabled, NotFound
from helios_core.models import AgentConfiguration
from helios_core.services import agents
from helios_core.services.activation import set_rollout
from helios_core.services.caches import CachedView
from helios_core.services.workspace import Workspace
from helios_core.views.configurations import HeldConfiguration, held_configuration
from tests.conftest import administrator_of, execute
from tests.waiting import eventually

VALUES = {"model_provider": "ollama", "assigned_llm": "llama3.1:8b", "system_prompt": "You test."}
Configurations = CachedView[[str], HeldConfiguration]


class Counted:
    """The view, and how often the database was asked."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, session: Session, agent_id: str) -> HeldConfiguration:
        self.reads += 1
        return held_configuration(session, agent_id)


@pytest.fixture
def reader(urls: ServerUrls) -> Iterator[Database]:
    """Another process's way to the same database: an engine of its own."""
    database = Database(connect(urls.application))
    yield database
    database.close()


@pytest.fixture
def listener(reader: Database) -> Iterator[Listener]:
    """A listener that has begun to listen."""
    with Listener(reader) as listener:
        assert eventually(lambda: listener.is_current)
        yield listener


@pytest.fixture
def counted() -> Counted:
    """A view that counts."""
    return Counted()


@pytest.fixture
def cache(reader: Database, listener: Listener, counted: Counted) -> Configurations:
    """Configurations, cached."""
    return CachedView(reader, listener, counted, {"agent_configurations"})


@pytest.fixture
def tester(workspace: Workspace) -> str:
    """An agent."""
    workspace.act(lambda session: agents.create_agent(session, "tester", "Tester", VALUES))
    return "tester"


def save(workspace: Workspace, **changes: object) -> None:
    def use_case(session: Session) -> None:
        version = held_configuration(session, "tester").version
        agents.save_configuration(session, "tester", changes, version)

    workspace.act(use_case)


def settled(cache: Configurations, principal: Principal, counted: Counted) -> bool:
    """Whether a reading needs no database."""
    cache.read(principal, "tester")
    before = counted.reads
    cache.read(principal, "tester")
    return counted.reads == before


def test_what_did_not_change_is_read_once_and_then_in_microseconds(
    cache: Configurations, workspace: Workspace, tester: str, counted: Counted
) -> None:
    assert eventually(lambda: settled(cache, workspace.principal, counted))
    before = counted.reads
    started = perf_counter()
    for _ in range(10_000):
        cache.read(workspace.principal, tester)
    # A reading from the database takes a hundred times as long. Within them the database may be away for a moment.
    assert (perf_counter() - started) / 10_000 < 100e-6
    assert counted.reads - before < 100


def test_a_change_by_another_process_is_seen_within_a_second(
    cache: Configurations, workspace: Workspace, tester: str, urls: ServerUrls, counted: Counted
) -> None:
    assert eventually(lambda: settled(cache, workspace.principal, counted))
    saving = (
        "import sys\nfrom pydantic import SecretStr\nfrom helios_core.database.engine import connect\n"
        "from helios_core.database.session import Database, Principal\nfrom helios_core.services import agents\n"
        "with Database(connect(SecretStr(sys.argv[1]))).session(Principal(int(sys.argv[2]), 'admin')) as session:\n"
        "    agents.save_configuration(session, 'tester', {'priority': 9}, 1)\n    session.commit()\n"
    )
    arguments = [urls.application.get_secret_value(), str(workspace.principal.user_id)]
    subprocess.run([sys.executable, "-c", saving, *arguments], check=True)
    committed_at = monotonic()
    assert eventually(lambda: cache.read(workspace.principal, tester).values["priority"] == 9, 1.0)
    assert monotonic() - committed_at < 1.0


def test_nothing_older_than_a_second_is_ever_read(cache: Configurations, workspace: Workspace, tester: str) -> None:
    for priority in (1, 2, 3, 4, 5, 6) * 3:
        save(workspace, priority=priority)
        deadline = monotonic() + 1.0
        while cache.read(workspace.principal, tester).values["priority"] != priority:
            assert monotonic() < deadline


def test_statements_that_pass_by_the_services_are_seen_too(
    cache: Configurations, workspace: Workspace, tester: str
) -> None:
    cache.read(workspace.principal, tester)
    workspace.act(lambda session: session.execute(update(AgentConfiguration).values(priority=2)))
    assert eventually(lambda: cache.read(workspace.principal, tester).values["priority"] == 2, 1.0)


def test_readers_never_see_each_others_readings(
    cache: Configurations, workspace: Workspace, tester: str, member: Principal, other_member: Principal
) -> None:
    save(workspace.on_behalf_of(member), system_prompt="CANARY-mira")
    for _ in range(3):
        seen = {user: cache.read(user, tester) for user in (member, other_member, workspace.principal)}
        assert seen[member].values["system_prompt"] == "CANARY-mira"
        assert seen[member].sources["system_prompt"] == "own"
        assert "CANARY" not in f"{seen[other_member]} {seen[workspace.principal]}"


def test_what_is_not_there_is_not_kept(cache: Configurations, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        cache.read(workspace.principal, "tester")
    workspace.act(lambda session: agents.create_agent(session, "tester", "Tester", VALUES))
    assert cache.read(workspace.principal, "tester").version == 1


def test_whom_helios_is_switched_off_for_reads_nothing_from_it(
    cache: Configurations, workspace: Workspace, tester: str, member: Principal
) -> None:
    cache.read(member, tester)
    workspace.act(lambda session: set_rollout(session, 0))

    def refused() -> bool:
        try:
            cache.read(member, tester)
        except NotEnabled:
            return True
        return False

    assert eventually(refused, 1.0)


def test_after_the_database_was_away_nothing_old_is_read(
    cache: Configurations, listener: Listener, workspace: Workspace, tester: str, urls: ServerUrls
) -> None:
    cache.read(workspace.principal, tester)
    name = workspace.database.engine.url.database
    with administrator_of(urls) as administrator:
        execute(administrator, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        workspace.act(end_other_connections)
        assert eventually(lambda: not listener.is_current)
        with pytest.raises(DatabaseUnavailable):
            cache.read(workspace.principal, tester)
        execute(administrator, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    save(workspace, priority=3)
    assert cache.read(workspace.principal, tester).values["priority"] == 3
    assert eventually(lambda: listener.is_current)
    save(workspace, priority=4)
    assert eventually(lambda: cache.read(workspace.principal, tester).values["priority"] == 4, 1.0)


def end_other_connections(session: Session) -> None:
    """End the application's connections to the test's database, but for this one."""
    others = text("datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()")
    session.execute(select(text("pg_terminate_backend(pid)")).select_from(text("pg_stat_activity")).where(others))


def test_while_the_listeners_connection_hangs_the_database_is_read(
    cache: Configurations, listener: Listener, workspace: Workspace, tester: str
) -> None:
    listening = (
        select(text("pid"))
        .select_from(text("pg_stat_activity"))
        .where(text("datname = current_database() AND query = 'SELECT'"))
    )
    cache.read(workspace.principal, tester)
    pid = workspace.read(lambda session: session.scalars(listening).one())
    os.kill(pid, signal.SIGSTOP)
    try:
        save(workspace, priority=7)
        assert eventually(lambda: cache.read(workspace.principal, tester).values["priority"] == 7, 1.0)
        assert eventually(lambda: not listener.is_current)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: listener.is_current)


def test_a_listener_stops_at_once_and_leaves_no_connection(reader: Database, workspace: Workspace) -> None:
    with Listener(reader) as listener:
        assert eventually(lambda: listener.is_current)
    assert not listener.is_current
    reader.engine.dispose()
    connections = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    assert eventually(lambda: workspace.read(lambda session: session.scalar(connections)) == 1)
