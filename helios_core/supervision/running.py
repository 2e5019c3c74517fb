"""Which `helios up` runs on a data folder, and with which processes: one at a time, known to every later one."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from helios_core.database.cluster import replace_file
from helios_core.errors import AlreadyRunning, ConfigurationError
from helios_core.supervision.processes import ProcessId, end_process, this_process

PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A `helios up`: its own process, the dashboard's port, and its parts' processes by name."""

    supervisor: ProcessId
    port: int
    parts: Mapping[str, ProcessId]

    @property
    def address(self) -> str:
        """Where the dashboard is."""
        return f"http://127.0.0.1:{self.port}"


class RunFile:
    """What a data folder tells of the `helios up` that runs on it, or ran on it last."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file = data_dir / "run.json"

    def read(self) -> Running | None:
        """The last one; None where there was none, or its file is broken."""
        try:
            content = json.loads(self._file.read_text("utf-8"))
            return Running(
                supervisor=ProcessId(**content["supervisor"]),
                port=int(content["port"]),
                parts={name: ProcessId(**process) for name, process in content["parts"].items()},
            )
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write(self, port: int, parts: Mapping[str, ProcessId]) -> None:
        """Say that this process runs, and with which parts."""
        running = Running(this_process(), port, dict(parts))
        replace_file(self._file, json.dumps(asdict(running), indent=1), mode=0o600)

    def living(self) -> Running | None:
        """The `helios up` that runs now."""
        running = self.read()
        return running if running is not None and running.supervisor.is_alive() else None

    def end_orphans(self) -> list[str]:
        """End what a killed `helios up` left behind, and name it. Only for the one that holds the folder."""
        running = self.read()
        orphans = {n: p for n, p in running.parts.items() if p.is_alive()} if running is not None else {}
        for process in orphans.values():
            end_process(process, PATIENCE_SECONDS)
        return list(orphans)

    def clear(self) -> None:
        """Say that nothing runs any more."""
        self._file.unlink(missing_ok=True)


@contextmanager
def exclusive(data_dir: Path) -> Iterator[RunFile]:
    """Hold `data_dir` for this process alone, and make it where it is missing. Its end lets go, however it comes."""
    run_file = RunFile(data_dir)
    try:
        make_data_dir(data_dir)
        lock = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        message = f"The data folder {data_dir} cannot be used ({error.strerror}); choose another one with --data."
        raise ConfigurationError(message) from error
    try:
        _hold(lock, run_file, data_dir)
        yield run_file
    finally:
        os.close(lock)


def _hold(lock: int, run_file: RunFile, data_dir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise already_running(run_file, data_dir) from error


def make_data_dir(data_dir: Path) -> None:
    """Make the folder, closed to others; the server's own user has to pass through root's."""
    if not data_dir.is_dir():
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)


def already_running(run_file: RunFile, data_dir: Path) -> AlreadyRunning:
    """The error that names the first one."""
    running = run_file.living()
    if running is None:
        return AlreadyRunning(f"Another `helios up` is just starting with the data in {data_dir}.")
    message = (
        f"Helios runs already with the data in {data_dir}: open {running.address}, or stop process "
        f"{running.supervisor.pid} first. To run a second one, give it a folder of its own with --data."
    )
    return AlreadyRunning(message)
