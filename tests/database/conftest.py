"""Embedded servers of a test's own, and a program that starts one as another process, or as another user."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from helios_core.database.server import EmbeddedServer
from tests.database.servers import open_folder

Starter = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user of this machine may pass through."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def data(place: Path) -> Path:
    """A data folder that is not there yet."""
    return place / "data"


@pytest.fixture
def new_server(data: Path) -> Iterator[EmbeddedServer]:
    """The server of `data`, never started yet."""
    server = EmbeddedServer(data)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def made_before() -> Iterator[Path]:
    """The data folder of a server that was started and stopped once."""
    with open_folder() as place:
        server = EmbeddedServer(place / "data")
        server.start()
        server.stop()
        yield place / "data"


@pytest.fixture
def own_server(new_server: EmbeddedServer, made_before: Path, data: Path) -> EmbeddedServer:
    """The server of `data`, started and stopped before."""
    subprocess.run(["cp", "-a", made_before, data], check=True)
    return new_server


@pytest.fixture
def starter() -> Iterator[Starter]:
    """Call it with a data folder: a process that starts the server there, prints `ready` or the refusal, and stays.

    `uid` is the user that it becomes first, `pg_bin` its programs; with `reaping=False` it adopts the server's
    processes and never asks how they ended, as the first process of many containers does.
    """
    begun: list[subprocess.Popen[str]] = []

    def start(
        data_dir: Path, *, uid: int | None = None, pg_bin: Path | None = None, reaping: bool = True
    ) -> "subprocess.Popen[str]":
        arguments = [str(data_dir), str(os.geteuid() if uid is None else uid), str(pg_bin or ""), str(int(reaping))]
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.database.start_server", *arguments],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.communicate()
