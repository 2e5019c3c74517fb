"""`helios up` from outside: what it starts, what it survives, and how it stops."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from helios_core.database import migrating
from helios_core.database.postmaster import read_postmaster
from helios_core.database.server import Places, ServerUrls, server_urls
from helios_core.errors import DatabaseUnavailable
from helios_core.supervision.processes import identify
from helios_core.supervision.running import RunFile, Running
from tests.installations import Installation, free_port
from tests.waiting import eventually

WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c2l4dGVlbiBjaGFyYWN0cw==",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """One that stays up for the tests that do not end it, where somebody set up Streamlit for the whole world."""
    open_to_all = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "STREAMLIT_SERVER_ALLOWED_HOSTS": "*"}
    with Installation(environment=open_to_all) as installation:
        installation.start_until_ready()
        yield installation


@pytest.fixture
def installation() -> Iterator[Installation]:
    """One that a test may start, kill and stop."""
    with Installation() as installation:
        yield installation


def execute(data_dir: Path, statement: str) -> list[tuple[object, ...]]:
    """Run a statement as the tables' owner."""
    url = server_urls(data_dir).owner.get_secret_value().replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_it_says_where_the_page_is_and_that_the_cards_are_simulated(running: Installation) -> None:
    assert f"open http://127.0.0.1:{running.port}" in running.said
    assert "3 simulated cards stand in" in running.said
    assert running.is_healthy()
    assert running.status_of("/") == 200


def test_it_listens_on_loopback_and_for_loopback_names_only(running: Installation) -> None:
    assert running.status_of("/_stcore/stream", Host=f"localhost:{running.port}", **WEBSOCKET) == 101
    assert running.status_of("/_stcore/stream", Host="helios.example.org", **WEBSOCKET) == 403
    with Path("/proc/net/tcp").open() as sockets:
        listening = [line.split()[1] for line in sockets if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{running.port:04X}")] == [
        f"0100007F:{running.port:04X}"
    ]


def test_the_team_is_there_and_the_samples_are_marked(running: Installation) -> None:
    assert execute(running.data_dir, "SELECT count(*) FROM agent_configurations WHERE gpu_assignment IS NOT NULL") == [
        (12,)
    ]
    [(samples,)] = execute(running.data_dir, "SELECT count(*) FROM multi_agent_conversations WHERE source = 'sample'")
    assert isinstance(samples, int)
    assert samples > 0


def test_a_second_one_says_where_the_first_runs(running: Installation) -> None:
    second = running.run("up", "--port", str(free_port()))
    assert second.returncode == 6
    assert f"http://127.0.0.1:{running.port}" in second.stderr
    assert str(running.process.pid) in second.stderr
    assert running.is_healthy()


def test_a_taken_port_is_refused_with_a_free_one(running: Installation, installation: Installation) -> None:
    refused = installation.run("up", "--port", str(running.port))
    assert refused.returncode == 6
    assert f"Port {running.port} is taken" in refused.stderr
    assert "--port" in refused.stderr
    assert not Places(installation.data_dir).home.exists()


@pytest.mark.parametrize("part", ["serve", "collect"])
def test_a_killed_part_comes_back_and_it_is_said(running: Installation, part: str) -> None:
    before = running.running.parts[part]
    process = identify(before.pid)
    assert process is not None
    subprocess.run(["kill", "-KILL", str(process.pid)], check=True)
    assert eventually(lambda: running.running.parts[part] != before)
    assert f"{part} ended (killed by SIGKILL); starting it again" in running.said
    assert eventually(running.is_healthy, 30)


def test_a_killed_database_comes_back(running: Installation) -> None:
    postmaster = read_postmaster(Places(running.data_dir).cluster)
    assert postmaster is not None
    subprocess.run(["kill", "-KILL", str(postmaster.pid)], check=True)
    assert eventually(lambda: "The database has ended" in running.said)
    assert eventually(running.is_healthy, 30)
    assert running.process.poll() is None


@pytest.mark.parametrize(
    "request_",
    [signal.SIGINT, *(pytest.param(other, marks=pytest.mark.slow) for other in (signal.SIGTERM, signal.SIGHUP))],
)
def test_it_stops_everything_in_seconds(installation: Installation, request_: signal.Signals) -> None:
    installation.start_until_ready()
    parts = dict(installation.running.parts)
    began = time.monotonic()
    installation.process.send_signal(request_)
    assert installation.process.wait(timeout=30) == 0
    assert time.monotonic() - began < 15
    assert installation.said.endswith("Stopped.\n")
    assert [name for name, process in parts.items() if process.is_alive()] == []
    assert read_postmaster(Places(installation.data_dir).cluster) is None
    assert RunFile(installation.data_dir).read() is None


def test_a_second_ctrl_c_ends_everything_at_once(installation: Installation) -> None:
    installation.start_until_ready()
    parts = dict(installation.running.parts)
    subprocess.run(["kill", "-STOP", str(parts["collect"].pid)], check=True)  # it will not hear the first
    installation.process.send_signal(signal.SIGINT)
    assert eventually(lambda: "Stopping" in installation.said)
    time.sleep(1)
    began = time.monotonic()
    installation.process.send_signal(signal.SIGINT)
    assert installation.process.wait(timeout=30) == 130
    assert time.monotonic() - began < 3
    assert eventually(lambda: not any(process.is_alive() for process in parts.values()))
    installation.start_until_ready()
    assert installation.stop() == 0


def test_a_database_of_ones_own_is_used_and_left_alone(urls: ServerUrls) -> None:
    external = {
        "HELIOS_DATABASE_URL": urls.application.get_secret_value(),
        "HELIOS_OWNER_URL": urls.owner.get_secret_value(),
    }
    with Installation(environment=external) as installation:
        installation.start_until_ready()
        assert installation.is_healthy()
        environment = Path(f"/proc/{installation.running.parts['serve'].pid}/environ").read_bytes()
        assert b"HELIOS_DATABASE_URL=" in environment
        assert b"HELIOS_OWNER_URL=" not in environment
        assert installation.stop() == 0
        assert not Places(installation.data_dir).home.exists()
        assert "nothing waits" in installation.run("db", "status").stdout


def test_an_old_database_of_ones_own_is_refused_without_its_owner(urls: ServerUrls) -> None:
    migrating.downgrade(urls.owner, "base")
    with Installation(environment={"HELIOS_DATABASE_URL": urls.application.get_secret_value()}) as installation:
        refused = installation.run("up", "--port", str(installation.port))
    assert refused.returncode == 3
    assert "HELIOS_OWNER_URL" in refused.stderr


def test_removed_samples_stay_removed(installation: Installation) -> None:
    installation.start_until_ready()
    execute(installation.data_dir, "DELETE FROM multi_agent_conversations WHERE source = 'sample'")
    assert installation.stop() == 0
    installation.start_until_ready()
    assert execute(installation.data_dir, "SELECT count(*) FROM multi_agent_conversations") == [(0,)]


def test_killed_at_any_moment_it_comes_back_with_everything_committed(installation: Installation) -> None:
    moments = random.Random(20)
    committed: list[str] = []
    for number in range(4):
        installation.start()
        time.sleep(moments.uniform(0.2, 6.0))
        if commits(installation.data_dir, f"user {number}"):
            committed.append(f"user {number}")
        found = RunFile(installation.data_dir).read()
        installation.process.kill()
        installation.process.wait()
        assert eventually(partial(nothing_is_left_of, found))
    installation.start_until_ready()
    names = {name for (name,) in execute(installation.data_dir, "SELECT username FROM users")}
    assert set(committed) <= names
    assert execute(installation.data_dir, "SELECT count(DISTINCT agent_id) FROM agent_configurations") == [(12,)]
    assert installation.stop() == 0


def nothing_is_left_of(running: Running | None) -> bool:
    """Whether no part of it lives."""
    return running is None or not any(process.is_alive() for process in running.parts.values())


def commits(data_dir: Path, username: str) -> bool:
    """Whether a user of this name could be added just now."""
    try:
        execute(data_dir, f"INSERT INTO users (username, role) VALUES ('{username}', 'viewer')")
    except (psycopg.Error, DatabaseUnavailable):
        return False
    return True
