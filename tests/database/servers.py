"""What the tests of the embedded server ask of it, and of the processes around it."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from helios_core.database.postmaster import read_postmaster
from helios_core.database.server import ServerUrls

NOBODY = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that every user of this machine may pass through; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="helios-server-")).resolve()
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def answer(process: "subprocess.Popen[str]") -> str:
    """The line that a starter prints: `ready`, or why the server was refused."""
    assert process.stdout
    return process.stdout.readline().strip()


def pid_of(data_dir: Path) -> int:
    """The process of the server that runs in `data_dir`."""
    postmaster = read_postmaster(data_dir / "postgres/cluster")
    assert postmaster
    return postmaster.pid


def connect(urls: ServerUrls, role: str = "owner") -> "psycopg.Connection[tuple[str | int | bool, ...]]":
    """An autocommitting connection as one of the two roles."""
    url = urls.owner if role == "owner" else urls.application
    return psycopg.connect(url.get_secret_value().replace("+psycopg", ""), autocommit=True)


def ask(urls: ServerUrls, query: str, role: str = "owner") -> str:
    """The one value that `query` answers, as text."""
    with connect(urls, role) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return str(row[0])


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for `condition`, which has to come true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state_of(pid: int) -> str:
    """The state letter of a process on Linux, `Z` for a zombie; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that has let go of its folder, which it does a moment before."""
    wait_until(lambda: state_of(pid) in {"", "Z"}, seconds=1)
