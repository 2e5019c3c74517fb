"""The parts of Helios as child processes: started, watched, started again when they end, and stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import BinaryIO, cast

from helios_core.supervision.logs import LogFile
from helios_core.supervision.processes import ProcessId, end_process, identify

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A part that ran this long counts as well again: its next end is its first."""
PATIENCE_SECONDS = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of Helios: its name, and the command that runs it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class Child:
    """One part, and the process that it is at the moment."""

    def __init__(self, part: Part, logs: Path, say: Say) -> None:
        self.part = part
        self.log = LogFile(logs / f"{part.name}.log")
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._due_at = 0.0
        self._ends = 0

    @property
    def process_id(self) -> ProcessId | None:
        """The process that the part is now."""
        return identify(self._process.pid) if self._process else None

    def start(self) -> None:
        """Start the part in a process group of its own, so that a Ctrl-C reaches us and not it."""
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            self.part.command,
            env=self.part.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        output = cast("BinaryIO", self._process.stdout)
        Thread(target=self.log.copy, args=(output,), name=f"log of {self.part.name}", daemon=True).start()

    def tend(self) -> bool:
        """Start the part again if it ended and its pause is over; whether it was started now."""
        if self._process is not None and _is_over(self._process.pid):
            self._has_ended(self._process)
        if self._process is None and time.monotonic() >= self._due_at:
            self.start()
            return True
        return False

    def ask_to_end(self) -> None:
        """Ask the part to end, and do not wait for it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def stop(self) -> None:
        """Ask the part to end, and kill it where that takes too long."""
        if self._process is None:
            return
        if process_id := self.process_id:
            end_process(process_id, PATIENCE_SECONDS)
        _kill_group(self._process.pid)
        self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the part at once."""
        if self._process is not None:
            _kill_group(self._process.pid)

    def _has_ended(self, process: subprocess.Popen[bytes]) -> None:
        """Note the end of the part's process, leave none of its own behind, and say what follows."""
        _kill_group(process.pid)
        process.wait()
        ran_seconds = time.monotonic() - self._started_at
        self._ends = 1 if ran_seconds > STEADY_SECONDS else self._ends + 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._ends - 1), LONGEST_PAUSE_SECONDS)
        self._process, self._due_at = None, time.monotonic() + pause
        self._say(
            f"{self.part.name} ended ({ending(process.returncode)}); starting it again in {pause:g} s. {self._said()}"
        )

    def _said(self) -> str:
        last = [line.strip() for line in self.log.tail() if line.strip()]
        return f"It said: {last[-1]} ({self.log.path})" if last else f"Its log is {self.log.path}"


def ending(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def _is_over(pid: int) -> bool:
    """Whether our child `pid` has ended. It stays a zombie, so that nothing else can get its number yet."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(leader_pid: int) -> None:
    """Kill what is left of the process group that our child `leader_pid` leads; call it before reaping the child."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)
