"""A `helios up` in a folder of its own, for tests that watch it from outside."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from helios_core.database.server import EmbeddedServer
from helios_core.supervision.running import RunFile, Running
from tests import forked
from tests.waiting import eventually

HELIOS = (sys.executable, "-m", "helios_core")
READY_SECONDS = 60.0


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def open_folder(prefix: str) -> Path:
    """A new folder that the server's user can pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)
    return folder


class Installation:
    """One data folder, and the `helios up` that runs on it."""

    def __init__(self, command: Sequence[str | Path] = HELIOS, environment: Mapping[str, str] | None = None) -> None:
        self.folder = open_folder("helios-up-")
        self.data_dir = self.folder / "data"
        self.port = free_port()
        self.output = self.folder / "output.txt"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HELIOS_")}
        self.environment |= {"HELIOS_SIMULATED_GPUS": "true", "HELIOS_DATA": str(self.data_dir), **(environment or {})}
        self._command = command
        self._up: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The `helios up` that was started last."""
        assert self._up is not None
        return self._up

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self.output.read_text("utf-8")

    @property
    def running(self) -> Running:
        """What the folder tells of it."""
        running = RunFile(self.data_dir).living()
        assert running is not None
        return running

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run another command of Helios on this folder."""
        if self._command is HELIOS:
            command = [*HELIOS, *arguments]
            return forked.run(command, environment=self.environment | environment, folder=self.folder)
        return subprocess.run(
            [*self._command, *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> None:
        """Run `helios up`."""
        with self.output.open("wb") as output:
            self._up = subprocess.Popen(
                [*self._command, "up", "--port", str(self.port)],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_until_ready(self) -> None:
        """Run `helios up`, and wait until it says that it is ready."""
        self.start()
        assert eventually(lambda: "is ready" in self.said or self.process.poll() is not None, READY_SECONDS), self.said
        assert self.process.poll() is None, self.said

    def is_healthy(self) -> bool:
        """Whether the dashboard answers, and reaches its database."""
        return self.status_of("/healthz") == 200

    def status_of(self, path: str, **headers: str) -> int | None:
        """The status that a page has; None where nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask it to stop, and wait until it has; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """End whatever still runs, and delete the folder."""
        if self._up is not None and self._up.poll() is None:
            self._up.kill()
            self._up.wait()
        if self.data_dir.exists():
            RunFile(self.data_dir).end_orphans()
            EmbeddedServer(self.data_dir).stop()
        shutil.rmtree(self.folder)
