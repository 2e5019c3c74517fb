"""Telling one process from another that later has the same number, and dying with one's parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A pid with the time its process began, as the system tells it: together they are never given out again."""

    pid: int
    began: str

    def is_alive(self) -> bool:
        """Whether this very process runs now."""
        return began(self.pid) == self.began


def identify(pid: int) -> ProcessId | None:
    """The process that has `pid` now; None where none does."""
    when = began(pid)
    return ProcessId(pid, when) if when is not None else None


def this_process() -> ProcessId:
    """The process that asks."""
    return ProcessId(os.getpid(), began(os.getpid()) or "")


def began(pid: int) -> str | None:
    """When the process `pid` began; None where there is none, or only a zombie."""
    return began_by_proc(pid) if (PROC / "self/stat").exists() else began_by_ps(pid)


def began_by_proc(pid: int) -> str | None:
    """`began` on Linux, in clock ticks since the machine's start."""
    try:
        stat = (PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may hold spaces; the state follows it, the time is 19 fields on.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def began_by_ps(pid: int) -> str | None:
    """`began` where there is no /proc, to the second."""
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    state, _, when = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
    return None if state == "" or state.startswith("Z") else when.strip()


def end_process(process: ProcessId, patience_seconds: float) -> None:
    """Ask `process`, the leader of its group, to end with the group, and kill them where that takes too long."""
    for number, seconds in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, 5.0)):
        if not process.is_alive():
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + seconds
        while process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)


def die_with(parent_pid: int) -> None:
    """End this process when `parent_pid` does, however that ends. Only Linux can promise it; it outlasts an exec."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it ended before we could ask
        raise SystemExit(1)
