"""The embedded server after a crash: of itself, of whoever started it, of the machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from helios_core.database.account import account_for
from helios_core.database.binaries import find_binaries
from helios_core.database.postmaster import read_postmaster, runs_by_proc, runs_by_ps
from helios_core.database.server import EmbeddedServer
from helios_core.errors import ServerFailed
from tests.database.conftest import Starter
from tests.database.servers import answer, ask, connect, pid_of, state_of, wait_until, wait_until_gone

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and Linux's prctl")


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def pid_file(data: Path) -> Path:
    return data / "postgres/cluster/postmaster.pid"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_a_killed_server_comes_back_with_all_that_was_committed(own_server: EmbeddedServer, data: Path) -> None:
    with connect(own_server.start()) as connection:
        connection.execute("create table kept as select generate_series(1, 1000) as id")
        kill(pid_of(data))
        urls = own_server.start()
    assert ask(urls, "select count(*) from kept") == "1000"


@on_linux
def test_a_killed_server_that_nobody_has_buried_is_dead_all_the_same(
    own_server: EmbeddedServer, data: Path, starter: Starter
) -> None:
    assert answer(starter(data, reaping=False)) == "ready"
    pid = pid_of(data)
    kill(pid)
    wait_until(lambda: state_of(pid) == "Z")
    assert not own_server.is_alive()
    assert ask(own_server.start(), "select 1") == "1"
    assert pid_of(data) != pid
    assert state_of(pid) == "Z"


def test_a_process_that_got_the_pid_of_a_dead_server_is_left_alone(
    own_server: EmbeddedServer, data: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    own_server.start()
    lines = pid_file(data).read_text().splitlines()
    own_server.stop()
    stale = "\n".join([str(bystander.pid), *lines[1:]])
    pid_file(data).write_text(stale)
    own_server.stop()
    assert not own_server.is_alive()
    own_server.start()
    own_server.stop()
    pid_file(data).write_text(stale)
    own_server.stop()
    assert bystander.poll() is None


@pytest.mark.parametrize("content", [b"", b"-27050\n", b"4711", b"\xff\x00\xfe\n\n\n\n\n"])
def test_a_half_written_pid_file_is_no_obstacle(own_server: EmbeddedServer, data: Path, content: bytes) -> None:
    pid_file(data).write_bytes(content)
    assert not own_server.is_alive()
    assert ask(own_server.start(), "select 1") == "1"


def test_a_server_outlives_its_killed_starter_and_is_found_and_really_stopped(
    own_server: EmbeddedServer, data: Path, starter: Starter
) -> None:
    process = starter(data)
    assert answer(process) == "ready"
    pid = pid_of(data)
    process.kill()
    process.wait()
    assert ask(own_server.start(), "select 1") == "1"
    assert pid_of(data) == pid
    own_server.stop()
    wait_until_gone(pid)
    assert not pid_file(data).exists()


def test_ctrl_c_at_the_starters_terminal_leaves_the_server_to_its_supervisor(
    own_server: EmbeddedServer, data: Path, starter: Starter
) -> None:
    process = starter(data)
    assert answer(process) == "ready"
    os.killpg(process.pid, signal.SIGINT)
    process.wait()
    assert own_server.is_alive()


@pytest.mark.slow
def test_a_frozen_server_is_stopped_all_the_same_and_loses_nothing(own_server: EmbeddedServer, data: Path) -> None:
    with connect(own_server.start()) as connection:
        connection.execute("create table kept as select generate_series(1, 1000) as id")
    pid = pid_of(data)
    os.kill(pid, signal.SIGSTOP)
    own_server.stop()
    wait_until_gone(pid)
    assert ask(own_server.start(), "select count(*) from kept") == "1000"


def test_an_interrupted_first_start_is_made_good_by_the_next(
    new_server: EmbeddedServer, data: Path, starter: Starter
) -> None:
    kill_in_first_start(starter(data), data)
    send(signal.SIGKILL, pids_that_name(data))
    assert ask(new_server.start(), "select 1", "application") == "1"
    assert sorted(path.name for path in (data / "postgres").iterdir()) == ["cluster", "log", "startup.log"]


def test_what_a_killed_start_left_at_work_is_waited_for(
    new_server: EmbeddedServer, data: Path, starter: Starter
) -> None:
    unfinished = kill_in_first_start(starter(data), data)
    left = pids_that_name(data)
    with ThreadPoolExecutor(1) as threads:
        send(signal.SIGSTOP, left)
        start = threads.submit(new_server.start)
        time.sleep(0.5)
        untouched = unfinished.exists()
        send(signal.SIGCONT, left)
        assert untouched
        assert ask(start.result(), "select 1") == "1"
    assert sorted(path.name for path in (data / "postgres").iterdir()) == ["cluster", "log", "startup.log"]


def kill_in_first_start(process: "subprocess.Popen[str]", data: Path) -> Path:
    """Kill a starter while its initdb is at work, which goes on; what it has made by then."""
    unfinished = data / f"postgres/init.{process.pid}/base/1"
    wait_until(unfinished.exists)
    process.kill()
    process.wait()
    return unfinished


def send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def pids_that_name(data: Path) -> list[int]:
    """The processes whose command line names something below `data`."""
    lines = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if f"{data}/" in line]


def servers_of(data: Path) -> list[int]:
    return [pid for pid in pids_that_name(data) if runs_by_ps(data / "postgres/cluster", pid)]


def test_ten_starts_at_once_give_one_server(data: Path, new_server: EmbeddedServer, starter: Starter) -> None:
    processes = [starter(data) for _ in range(10)]
    assert [answer(process) for process in processes] == ["ready"] * 10
    assert new_server.is_alive()
    assert servers_of(data) == [pid_of(data)]


def test_ten_starts_at_once_after_a_crash_give_one_server(data: Path, own_server: EmbeddedServer) -> None:
    urls = own_server.start()
    kill(pid_of(data))
    with ThreadPoolExecutor(10) as threads:
        assert set(threads.map(lambda _: EmbeddedServer(data).start(), range(10))) == {urls}
    assert servers_of(data) == [pid_of(data)]


def test_a_server_that_cannot_be_seen_from_here_is_not_doubled(
    own_server: EmbeddedServer, data: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    """As one in another container, whose processes and ports nobody sees: all there is, is its lock."""
    urls = own_server.start()
    seen = pid_file(data).read_text()
    unseen = seen.replace(str(pid_of(data)), str(bystander.pid)).replace((data / "port").read_text(), "1")
    pid_file(data).write_text(unseen)
    with ThreadPoolExecutor(1) as threads:
        start = threads.submit(own_server.start)
        time.sleep(0.5)
        assert not start.done()
        assert pid_file(data).read_text() == unseen
        pid_file(data).write_text(seen)
        assert start.result() == urls
    assert servers_of(data) == [pid_of(data)]


def test_a_server_started_by_hand_is_named_and_not_doubled(own_server: EmbeddedServer, data: Path) -> None:
    account = account_for(data / "postgres")
    postgres = find_binaries(account, None, data / "binaries") / "postgres"
    by_hand = '"$@" >/dev/null 2>&1 </dev/null &'
    options = [
        "-D",
        str(data / "postgres/cluster"),
        "-c",
        "unix_socket_directories=",
        "-p",
        (data / "port").read_text(),
    ]
    account.run(["/bin/sh", "-c", by_hand, "sh", str(postgres), *options])
    wait_until(lambda: (found := read_postmaster(data / "postgres/cluster")) and found.ready)
    with pytest.raises(ServerFailed, match=rf"started by other means \(process {pid_of(data)}\)"):
        own_server.start()


@on_linux
def test_both_ways_to_look_at_a_process_agree(
    own_server: EmbeddedServer, data: Path, starter: Starter, bystander: "subprocess.Popen[bytes]"
) -> None:
    cluster = data / "postgres/cluster"
    assert answer(starter(data, reaping=False)) == "ready"
    pid = pid_of(data)
    for runs_in in (runs_by_proc, runs_by_ps):
        assert runs_in(cluster, pid)
        assert not runs_in(cluster.with_name("cluste"), pid)
        assert not runs_in(data, pid)
        assert not runs_in(cluster, bystander.pid)
    kill(pid)
    wait_until(lambda: state_of(pid) == "Z")
    own_server.start()
    assert not runs_by_proc(cluster, pid)
    assert not runs_by_ps(cluster, pid)
