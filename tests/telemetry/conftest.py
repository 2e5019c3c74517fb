"""A probe over a double that follows a script, and collectors at the test's database."""

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Self

import pytest
from sqlalchemy import make_url, text

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database
from helios_core.settings import Settings
from helios_core.telemetry.collector import run_collector
from helios_core.telemetry.probe_process import ProbeProcess
from tests.conftest import administrator_of
from tests.waiting import eventually

Script = Callable[..., None]
Collect = Callable[..., "Collecting"]


@pytest.fixture
def script_file(tmp_path: Path) -> Path:
    """Where the double reads what to do."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"cards": 3, "calls": {}}))
    return path


@pytest.fixture
def script(script_file: Path) -> Script:
    """Tells the double what to do from now on: `script(nvmlDeviceGetPowerUsage={1: "hang"})`."""

    def write(cards: int = 3, **calls: dict[int | str, int | str]) -> None:
        fresh = script_file.with_suffix(".new")
        fresh.write_text(json.dumps({"cards": cards, "calls": calls}))
        fresh.replace(script_file)

    return write


@pytest.fixture
def probe(script_file: Path) -> Iterator[ProbeProcess]:
    """A probe over the double."""
    probe = ProbeProcess((sys.executable, "-m", "tests.telemetry.unruly_probe", str(script_file)))
    yield probe
    probe.close()


class Collecting:
    """A collector at work in a thread; leaving it stops it."""

    def __init__(self, urls: ServerUrls, settings: Settings, probe: ProbeProcess, host: str) -> None:
        self.stop = Event()
        self._pool = ThreadPoolExecutor(max_workers=1)
        self.result: Future[None] = self._pool.submit(
            run_collector,
            settings,
            self.stop,
            host=host,
            probe=probe,
            connect=lambda: Database(connect(urls.application)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._pool.shutdown()

    def end(self) -> None:
        """Stop it, and let through what went wrong."""
        self.stop.set()
        self.result.result(timeout=5)


@pytest.fixture
def collect(urls: ServerUrls, probe: ProbeProcess) -> Iterator[Collect]:
    """Starts a collector: `collect(simulated_gpus=True)`."""
    with ExitStack() as collectors:

        def start(host: str = "lab", probe: ProbeProcess = probe, **settings: object) -> Collecting:
            settings = {"sample_interval_seconds": 0.1, **settings}
            return collectors.enter_context(Collecting(urls, Settings.model_validate(settings), probe, host))

        yield start
    wait_until_nobody_is_connected(urls)


def wait_until_nobody_is_connected(urls: ServerUrls) -> None:
    """A database in use cannot be dropped, and the server takes a moment to let go of connections."""
    name = make_url(urls.owner.get_secret_value()).database
    in_use = text("SELECT FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'")
    with administrator_of(urls) as administrator, administrator.connect() as connection:
        assert eventually(lambda: not connection.execute(in_use, {"name": name}).all(), 60)
