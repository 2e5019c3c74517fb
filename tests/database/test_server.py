"""The embedded server in ordinary days: who may connect, where it is, and what it refuses to serve."""

import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from helios_core.database.server import EmbeddedServer, ServerUrls, server_urls
from helios_core.errors import DatabaseUnavailable, ServerFailed
from tests.database.servers import ask, connect, open_folder, pid_of, wait_until

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """The data folder of a running server, for tests that only look at it."""
    with open_folder() as place:
        server = EmbeddedServer(place / "data")
        server.start()
        yield place / "data"
        server.stop()


@pytest.fixture
def urls(running: Path) -> ServerUrls:
    """Where the running server is."""
    return server_urls(running)


def port_of(data: Path) -> int:
    return int((data / "port").read_text())


def test_the_first_start_makes_a_database_and_two_roles_without_special_rights(urls: ServerUrls) -> None:
    with connect(urls) as connection:
        roles = connection.execute(
            "select rolname, rolsuper or rolbypassrls or rolcreaterole or rolreplication, rolcanlogin from pg_roles"
            " where rolname like 'helios%' order by 1"
        ).fetchall()
    assert roles == [("helios_app", False, True), ("helios_owner", False, True)]
    assert ask(urls, "select pg_get_userbyid(datdba) from pg_database where datname = 'helios'") == "helios_owner"
    assert ask(urls, "select pg_has_role('helios_app', 'helios_owner', 'member')") == "False"


def test_the_owner_creates_tables_and_the_application_does_not(urls: ServerUrls) -> None:
    with connect(urls) as connection:
        connection.execute("create table ours (id int)")
    with connect(urls, "application") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("create table mine (id int)")


def test_nobody_connects_without_the_password_and_nobody_at_all_as_superuser(urls: ServerUrls, running: Path) -> None:
    for user, password in [("helios_app", "wrong"), ("helios_app", ""), ("postgres", ""), ("postgres", "postgres")]:
        with pytest.raises(psycopg.OperationalError, match=r"authentication failed|password|pg_hba"):
            psycopg.connect(host="127.0.0.1", port=port_of(running), user=user, password=password, dbname="postgres")
    assert ask(urls, "select 1", "application") == "1"


def test_only_the_user_who_runs_helios_may_read_the_passwords(urls: ServerUrls, running: Path) -> None:
    assert stat.S_IMODE((running / "passwords.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((running / "postgres").stat().st_mode) == 0o700
    assert (running / "passwords.json").stat().st_uid == os.geteuid()
    assert urls.owner.get_secret_value() not in repr(urls)


def test_it_listens_on_loopback_and_on_no_unix_socket(urls: ServerUrls, running: Path) -> None:
    assert ask(urls, "show listen_addresses") == "127.0.0.1"
    assert ask(urls, "show unix_socket_directories") == ""
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", port_of(running)), timeout=5)


def test_it_speaks_utc_and_never_acknowledges_what_is_not_on_disk(urls: ServerUrls) -> None:
    assert ask(urls, "show timezone") == "UTC"
    assert [ask(urls, f"show {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3


def test_it_lives_in_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(urls: ServerUrls, running: Path) -> None:
    assert ask(urls, "select 1") == "1"
    assert os.getsid(pid_of(running)) != os.getsid(0)


def test_a_second_start_finds_the_running_server(own_server: EmbeddedServer, data: Path) -> None:
    urls = own_server.start()
    pid = pid_of(data)
    assert EmbeddedServer(data).start() == urls == server_urls(data)
    assert pid_of(data) == pid


def test_data_and_port_outlive_a_stop(own_server: EmbeddedServer) -> None:
    urls = own_server.start()
    with connect(urls) as connection:
        connection.execute("create table kept as select 42 as answer")
    own_server.stop()
    assert not own_server.is_alive()
    assert own_server.start() == urls
    assert ask(urls, "select answer from kept") == "42"


def test_where_no_server_runs_there_is_nothing_to_stop_and_the_refusal_says_what_to_do(
    own_server: EmbeddedServer, data: Path, place: Path
) -> None:
    EmbeddedServer(place / "absent").stop()
    own_server.stop()
    for folder in (place / "absent", data):
        with pytest.raises(DatabaseUnavailable, match=f"{folder}.*helios up"):
            server_urls(folder)


def test_another_port_serves_where_the_last_one_is_taken(own_server: EmbeddedServer, data: Path) -> None:
    with socket.create_server(("127.0.0.1", port_of(data))) as squatter:
        urls = own_server.start()
        assert port_of(data) != squatter.getsockname()[1]
        assert ask(urls, "select 1") == "1"


def test_a_folder_may_have_a_long_and_odd_name(place: Path) -> None:
    server = EmbeddedServer(place / ('it\'s a "long" $HOME näme ' * 6))
    try:
        assert ask(server.start(), "select 1") == "1"
        assert server.is_alive()
    finally:
        server.stop()


def test_a_copied_folder_gets_a_server_of_its_own(own_server: EmbeddedServer, data: Path, place: Path) -> None:
    urls = own_server.start()
    subprocess.run(["cp", "-a", data, place / "copy"], check=True)
    copy = EmbeddedServer(place / "copy")
    assert not copy.is_alive()
    try:
        assert copy.start() != urls
        assert own_server.is_alive()
        assert pid_of(data) != pid_of(place / "copy")
    finally:
        copy.stop()
    assert own_server.is_alive()


def test_variables_meant_for_other_servers_lead_nowhere_else(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGDATA": "/nowhere", "PGUSER": "eve"}.items():
        monkeypatch.setenv(name, value)
    own_server.start()
    assert own_server.is_alive()


def test_lost_passwords_are_replaced(own_server: EmbeddedServer, data: Path) -> None:
    before = own_server.start()
    with connect(before) as connection:
        connection.execute("create table kept as select 42 as answer")
    (data / "passwords.json").write_text('{"owner": "half a fi')
    after = own_server.start()
    assert after.application.get_secret_value() != before.application.get_secret_value()
    assert ask(after, "select answer from kept") == "42"
    assert ask(after, "select 1", "application") == "1"


@pytest.fixture
def impostor() -> Iterator[tuple[int, list[bytes]]]:
    """A listener that asks whoever connects for their password in the clear: its port, and what it is told."""
    told: list[bytes] = []

    def ask_for_password(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
            told.append(connection.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=ask_for_password, args=[listener])
        thread.start()
        yield listener.getsockname()[1], told
        thread.join(timeout=10)


def test_who_took_the_port_of_a_dead_server_is_not_told_the_password(
    own_server: EmbeddedServer, data: Path, impostor: tuple[int, list[bytes]]
) -> None:
    own_server.start()
    port, told = impostor
    pid_file = data / "postgres/cluster/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    own_server.stop()
    pid_file.write_text("\n".join([*lines[:3], str(port), *lines[4:]]) + "\n")
    assert not own_server.is_alive()
    wait_until(lambda: told)
    assert told == [b""]


def test_debians_postgresql_15_serves_too_and_its_data_is_refused_by_18(data: Path) -> None:
    if not DEBIAN_15.exists():
        pytest.skip(f"{DEBIAN_15} is not installed")
    server = EmbeddedServer(data, pg_bin=DEBIAN_15)
    try:
        assert ask(server.start(), "show server_version").startswith("15.")
    finally:
        server.stop()
    with pytest.raises(ServerFailed, match=r"is of PostgreSQL 15, and these programs are 18.*HELIOS_PG_BIN"):
        EmbeddedServer(data).start()
    assert (data / "postgres/cluster/PG_VERSION").read_text() == "15\n"


def test_a_folder_without_programs_is_refused_by_name(data: Path, place: Path) -> None:
    with pytest.raises(ServerFailed, match=f"{place}/nothing/postgres cannot be started.*HELIOS_PG_BIN"):
        EmbeddedServer(data, pg_bin=place / "nothing").start()


@pytest.mark.parametrize(
    ("answer", "refusal"), [("postgres (PostgreSQL) 14.9", "needs 15"), ("ouch", "not work: ouch")]
)
def test_programs_that_are_too_old_or_broken_are_refused(data: Path, place: Path, answer: str, refusal: str) -> None:
    (place / "postgres").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (place / "postgres").chmod(0o755)
    with pytest.raises(ServerFailed, match=refusal):
        EmbeddedServer(data, pg_bin=place).start()
