"""The server's main process, as its `postmaster.pid` and the operating system tell of it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says of a server; nothing of it need be true any more."""

    pid: int
    port: int
    ready: bool


def read_postmaster(cluster: Path) -> Postmaster | None:
    """What `cluster`'s `postmaster.pid` says; None where there is none, or only half of one."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    # A server in single-user mode writes its pid with a minus sign.
    return Postmaster(abs(pid), port, ready=len(lines) > 7 and lines[7].strip() == "ready")


def runs_in(cluster: Path, pid: int) -> bool:
    """Whether `pid` is, now, a living process of PostgreSQL at work in `cluster`; a zombie is not."""
    return runs_by_proc(cluster, pid) if (PROC / "self/stat").exists() else runs_by_ps(cluster, pid)


def runs_by_proc(cluster: Path, pid: int) -> bool:
    """`runs_in` on Linux: the process's name, state and working directory, which is its data directory."""
    try:
        stat = (PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
        folder = (PROC / str(pid) / "cwd").readlink()
    except OSError:  # gone, a zombie, or another user's
        return False
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return name == "postgres" and rest.split()[0] not in {"Z", "X"} and folder == cluster


def runs_by_ps(cluster: Path, pid: int) -> bool:
    """`runs_in` where there is no /proc: the process's state and command line."""
    command = ["/bin/ps", "-ww", "-o", "stat=,command=", "-p", str(pid)]
    state, _, line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition(" ")
    program, _, arguments = line.strip().partition(" -D ")
    return not state.startswith("Z") and program.endswith("postgres") and f"{arguments} ".startswith(f"{cluster} ")
