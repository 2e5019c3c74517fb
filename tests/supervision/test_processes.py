"""Telling processes apart, and ending them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helios_core.supervision.processes import (
    ProcessId,
    began_by_proc,
    began_by_ps,
    end_process,
    identify,
    this_process,
)
from tests.waiting import eventually


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of no use, the leader of a group of its own."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_process_is_known_until_it_ends(sleeper: "subprocess.Popen[bytes]") -> None:
    found = identify(sleeper.pid)
    assert found is not None
    assert found.is_alive()
    sleeper.kill()
    sleeper.wait()
    assert not found.is_alive()
    assert identify(sleeper.pid) is None


def test_a_zombie_does_not_count_as_alive(sleeper: "subprocess.Popen[bytes]") -> None:
    found = identify(sleeper.pid)
    assert found is not None
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not found.is_alive()


def test_the_next_owner_of_a_pid_is_somebody_else(sleeper: "subprocess.Popen[bytes]") -> None:
    assert not ProcessId(sleeper.pid, "long ago").is_alive()


def test_another_users_or_no_process_is_simply_absent() -> None:
    assert identify(2**22 + 1) is None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="there is no ps here")
def test_ps_tells_the_same_as_proc(sleeper: "subprocess.Popen[bytes]") -> None:
    assert began_by_ps(sleeper.pid) is not None
    assert began_by_proc(sleeper.pid) is not None
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert began_by_ps(sleeper.pid) is None
    sleeper.wait()
    assert began_by_ps(sleeper.pid) is None


def test_ending_takes_the_whole_group_along() -> None:
    shell = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert shell.stdout is not None
    grandchild = identify(int(shell.stdout.readline()))
    leader = identify(shell.pid)
    assert leader is not None
    assert grandchild is not None
    end_process(leader, patience_seconds=5)
    shell.wait()
    shell.stdout.close()
    assert eventually(lambda: not grandchild.is_alive())


def test_one_that_ignores_the_request_is_killed() -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    found = identify(process.pid)
    assert found is not None
    end_process(found, patience_seconds=0.2)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux promises it")
def test_a_part_dies_with_its_parent_even_after_an_exec() -> None:
    child = (
        "import os\n"
        "from helios_core.supervision.processes import die_with\n"
        "die_with({parent})\n"
        "os.execv('/bin/sleep', ['sleep', '600'])"
    )
    parent = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}.format(parent=os.getpid())])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    found = identify(pid)
    assert found is not None
    process.kill()
    process.wait()
    process.stdout.close()
    assert eventually(lambda: not found.is_alive())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux promises it")
def test_a_part_whose_parent_is_gone_already_does_not_begin() -> None:
    script = "from helios_core.supervision.processes import die_with; die_with(1); print('began')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_this_process_knows_itself() -> None:
    assert this_process() == identify(os.getpid())
    assert this_process().is_alive()
