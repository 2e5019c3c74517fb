"""What collecting costs: `python -m tests.benchmarks.bench_collector [DATABASE_URL]`.

Runs the real collector as a process for three cards at 1 Hz, simulated and through a double of NVML under the real
binding, and prints the CPU that it, its probe and its database connections take, in percent of a core, from /proc.
Then it writes ten minutes of 64 cards as after an outage of the database, and rolls them up. Without an address it
starts an embedded server in a folder of its own; with one, the database has to be migrated.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, perf_counter

from pydantic import SecretStr
from sqlalchemy import text

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.server import EmbeddedServer
from helios_core.database.session import SYSTEM, Database
from helios_core.settings import Settings
from helios_core.telemetry.collector import run_collector
from helios_core.telemetry.health import Verdict
from helios_core.telemetry.housekeeping import Housekeeping
from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.telemetry.readings import CardReading, DeviceIdentity, Sweep
from helios_core.telemetry.record import Entry, HostRecord
from helios_core.telemetry.simulated import reading

SETTLE_SECONDS = 12.0
MEASURE_SECONDS = 60.0
SOURCES = ("simulated", "nvml double")
OUTAGE_SECONDS = 600
FLEET = 64
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used, in itself and in the kernel; 0 where it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def backends_of(database: Database) -> list[int]:
    """The server's processes that serve this database, but the one that is asked."""
    with database.session(SYSTEM) as session:
        found = session.execute(
            text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )
        return [pid for (pid,) in found]


def measure(url: str, source: str) -> tuple[float, float, float, float]:
    """Percent of a core for the collector, its probe and its connections, and sweeps a second."""
    database = Database(connect(SecretStr(url)))
    command = [sys.executable, "-m", "tests.benchmarks.bench_collector", "--collect", url, source]
    with subprocess.Popen(command) as collector:
        time.sleep(SETTLE_SECONDS)
        groups = [[collector.pid], children_of(collector.pid), backends_of(database)]
        before, began = [sum(map(cpu_seconds, group)) for group in groups], monotonic()
        written = sample_count(database)
        time.sleep(MEASURE_SECONDS)
        seconds = monotonic() - began
        used = [sum(map(cpu_seconds, group)) - start for group, start in zip(groups, before, strict=True)]
        rate = (sample_count(database) - written) / seconds / 3
        collector.terminate()
    database.close()
    own, probe, connections = (100 * share / seconds for share in used)
    return own, probe, connections, rate


def sample_count(database: Database) -> int:
    """How many samples there are."""
    with database.session(SYSTEM) as session:
        return int(session.execute(text("SELECT count(*) FROM gpu_samples")).scalar_one())


def collect(url: str, source: str) -> None:
    """Be the collector that is measured."""
    settings = Settings(simulated_gpus=source == "simulated")
    script = Path(tempfile.mkdtemp()) / "script.json"
    script.write_text(json.dumps({"cards": 3, "calls": {}}))
    double = ProbeProcess((sys.executable, "-m", "tests.telemetry.unruly_probe", str(script)))
    run_collector(settings, Event(), host=source, probe=double, connect=lambda: Database(connect(SecretStr(url))))


def write_backlog(database: Database) -> tuple[float, float]:
    """Samples a second when ten minutes of a fleet are written at once, and the seconds of their rollups."""
    record, now = HostRecord("fleet", 1.0), monotonic()
    identities = [DeviceIdentity(f"GPU-fleet-{index}", index, "NVIDIA L40S", 46068) for index in range(FLEET)]
    verdicts = {identity.uuid: Verdict("ok") for identity in identities}
    entries = []
    for second in range(OUTAGE_SECONDS):
        cards = tuple(CardReading(identity, reading(identity.index % 3, second)) for identity in identities)
        entries.append(Entry(Sweep(now - OUTAGE_SECONDS + second, cards), verdicts))
    began = perf_counter()
    for first in range(0, OUTAGE_SECONDS, 120):
        with database.session(SYSTEM) as session:
            record.write(session, entries[first : first + 120])
            session.commit()
    writing = perf_counter() - began
    with database.session(SYSTEM) as session:
        sampled_at = entries[-1].sampled_at
        assert sampled_at is not None
        Housekeeping(Settings()).keep(session, [10, 60, 3600], record.gpu_ids, sampled_at)
        session.commit()
    return OUTAGE_SECONDS * FLEET / writing, perf_counter() - began - writing


@contextmanager
def embedded() -> Iterator[str]:
    """A migrated embedded server in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="helios-bench-"))
    folder.chmod(0o711)
    server = EmbeddedServer(folder / "data")
    urls = server.start()
    try:
        migrating.upgrade(urls.owner, "helios_app")
        yield urls.application.get_secret_value()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def report(url: str) -> None:
    """Print the tables."""
    print("| three cards at 1 Hz | collector % | probe % | database % | sweeps/s |\n|---|---|---|---|---|")
    for source in SOURCES:
        own, probe, connections, rate = measure(url, source)
        print(f"| {source} | {own:.2f} | {probe:.2f} | {connections:.2f} | {rate:.2f} |", flush=True)
    database = Database(connect(SecretStr(url)))
    samples_a_second, rolling_seconds = write_backlog(database)
    database.close()
    print(f"\n| ten minutes of {FLEET} cards after an outage | |\n|---|---|")
    print(f"| samples written a second | {samples_a_second:,.0f} |\n| rollups of all | {rolling_seconds:.2f} s |")


def main(arguments: Sequence[str]) -> None:
    """Measure, or be measured."""
    if arguments[:1] == ["--collect"]:
        collect(*arguments[1:])
    elif arguments:
        report(arguments[0])
    else:
        with embedded() as url:
            report(url)


if __name__ == "__main__":
    main(sys.argv[1:])
