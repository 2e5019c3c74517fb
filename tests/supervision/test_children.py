"""Parts as child processes: started again when they end, and never left behind."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helios_core.supervision.children import Child, Part, ending
from helios_core.supervision.processes import identify
from tests.waiting import eventually


@pytest.fixture
def said() -> list[str]:
    """What the supervisor said."""
    return []


@pytest.fixture
def start(tmp_path: Path, said: list[str]) -> Iterator[Callable[[str], Child]]:
    """Starts a part that runs a Python program."""
    children: list[Child] = []

    def run(program: str) -> Child:
        part = Part("part", [sys.executable, "-u", "-c", program], {"PATH": "/usr/bin:/bin"})
        child = Child(part, tmp_path / "logs", said.append)
        children.append(child)
        child.start()
        return child

    yield run
    for child in children:
        child.stop()


def test_what_a_part_says_is_in_its_log(start: Callable[[str], Child]) -> None:
    child = start("import sys; print('ready'); print('careful', file=sys.stderr); import time; time.sleep(600)")
    assert eventually(lambda: {"ready", "careful"} <= set(child.log.tail()))


def test_a_part_that_ends_is_started_again_and_it_is_said_why(start: Callable[[str], Child], said: list[str]) -> None:
    child = start("print('I cannot go on'); raise SystemExit(3)")
    assert eventually(child.tend)
    assert said == [
        f"part ended (exit code 3); starting it again in 0.5 s. It said: I cannot go on ({child.log.path})",
    ]


def test_pauses_grow_while_it_keeps_ending(start: Callable[[str], Child], said: list[str]) -> None:
    child = start("raise SystemExit(1)")
    assert eventually(child.tend)
    assert eventually(child.tend)
    pauses = [line.partition(" again in ")[2].partition(" s.")[0] for line in said]
    assert pauses == ["0.5", "1"]


def test_a_killed_part_leaves_none_of_its_own_behind(start: Callable[[str], Child], said: list[str]) -> None:
    child = start("import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid); time.sleep(600)")
    assert eventually(lambda: bool(child.log.tail()))
    grandchild = identify(int(child.log.tail()[-1]))
    first = child.process_id
    assert grandchild is not None
    assert first is not None
    child.kill()
    assert eventually(child.tend)
    assert not grandchild.is_alive()
    assert "killed by SIGKILL" in said[-1]
    assert child.process_id != first


def test_stopping_waits_for_a_part_that_tidies_up(start: Callable[[str], Child]) -> None:
    child = start(
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    time.sleep(0.3); print('tidy'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready')\n"
        "time.sleep(600)"
    )
    assert eventually(lambda: "ready" in child.log.tail())
    child.ask_to_end()
    child.stop()
    assert child.process_id is None
    assert eventually(lambda: "tidy" in child.log.tail())


def test_endings_are_told_in_words() -> None:
    assert ending(0) == "exit code 0"
    assert ending(-signal.SIGSEGV) == "killed by SIGSEGV"
    assert ending(-40) == "killed by signal 40"
