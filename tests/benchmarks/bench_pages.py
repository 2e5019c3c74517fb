"""Open pages over a million samples: `python -m tests.benchmarks.bench_pages`.

Starts `helios up` on a folder of its own, fills it with 1,000,002 samples of three cards, and lets 1, 20 and 50
viewers watch the GPUs page at 1 Hz; then Chromium opens it. The load client shares the machine with the server.
"""

import asyncio
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from playwright.sync_api import sync_playwright
from sqlalchemy import text

from helios_core.database.engine import open_database
from helios_core.database.session import SYSTEM, Database
from helios_core.settings import Settings
from helios_core.telemetry.rollups import RESOLUTIONS_SECONDS, roll_up
from helios_core.views.gpus import list_gpus
from helios_core.views.history import gpu_history
from tests.benchmarks.bench_collector import children_of, cpu_seconds
from tests.benchmarks.viewers import Viewer, watch_together
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.installations import Installation

SAMPLES_A_CARD = 333_334
SECONDS = 30.0

FILL = text("""
INSERT INTO gpu_samples (gpu_id, sampled_at, utilization_percent, memory_controller_percent, memory_used_mb,
    temperature_celsius, power_watts, sm_clock_mhz, memory_clock_mhz, throttle_reasons)
SELECT gpu.id, now() - make_interval(secs => 60 + second),
    50 + 45 * sin(second / 300.0 + gpu.id), 30, 4000 + 2000 * sin(second / 1800.0), 60 + 15 * sin(second / 900.0),
    150 + 80 * sin(second / 300.0 + gpu.id), 1400, 3500, CASE WHEN second % 5000 < 60 THEN 32 ELSE 0 END
FROM gpu_resources gpu, generate_series(1, :seconds) second
""")


def fill(database: Database) -> None:
    """A million samples, and their rollups."""
    start = datetime.now(UTC) - timedelta(seconds=SAMPLES_A_CARD + 3600)
    with database.session(SYSTEM) as session:
        days = (start.date(), datetime.now(UTC).date() + timedelta(days=1))
        session.execute(text("SELECT helios_ensure_sample_partitions(:a, :b)"), {"a": days[0], "b": days[1]})
        session.execute(FILL, {"seconds": SAMPLES_A_CARD})
        for resolution in RESOLUTIONS_SECONDS:
            roll_up(session, resolution, [card.id for card in list_gpus(session)], start)
        session.commit()


def history_ms(database: Database, span: timedelta) -> float:
    """The median time to read the history of all cards."""
    times = []
    for _ in range(30):
        with database.session(SYSTEM) as session:
            ids = tuple(card.id for card in list_gpus(session))
            end = datetime.now(UTC)
            started = perf_counter()
            gpu_history(session, ids, end - span, end)
            times.append((perf_counter() - started) * 1000)
    return statistics.median(times)


def report(count: int, viewers: list[Viewer], cpu_percent: float) -> None:
    """One line of the table."""
    latencies = sorted(latency for viewer in viewers for latency in viewer.latencies_ms)
    due = sum(viewer.due for viewer in viewers)
    size = statistics.median(size for viewer in viewers for size in viewer.kilobytes)
    print(
        f"| {count} | {len(latencies)} of {due} ({100 * len(latencies) / due:.0f} %) "
        f"| {statistics.median(latencies):.0f} | {latencies[int(0.95 * (len(latencies) - 1))]:.0f} "
        f"| {size:.1f} | {cpu_percent:.0f} |"
    )


def main() -> None:
    """Print the tables."""
    installation = Installation()
    try:
        installation.start_until_ready()
        database = open_database(Settings(HELIOS_DATA=installation.data_dir))
        fill(database)
        print("| history of 3 cards | ms |\n|---|---|")
        for name, span in {"1 h": timedelta(hours=1), "24 h": timedelta(hours=24), "3 d": timedelta(days=3)}.items():
            print(f"| {name} | {history_ms(database, span):.1f} |")
        database.close()
        print("\n| viewers | refreshes | p50 ms | p95 ms | KB a refresh | server CPU % |\n|---|---|---|---|---|---|")
        web = web_process(installation)
        for count in (1, 20, 50):
            before, started = cpu_seconds(web), perf_counter()
            viewers = asyncio.run(watch_together(f"127.0.0.1:{installation.port}", "gpus", count, SECONDS))
            report(count, list(viewers), 100 * (cpu_seconds(web) - before) / (perf_counter() - started))
        print("\n| first chart in Chromium | ms |\n|---|---|")
        for visit, milliseconds in first_chart_ms(f"http://127.0.0.1:{installation.port}/gpus").items():
            print(f"| {visit} | {milliseconds:.0f} |")
        installation.stop()
    finally:
        installation.remove()


def first_chart_ms(address: str) -> dict[str, float]:
    """From the address to a line on the GPUs page: in a browser that was never here, and the second time."""
    times = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        context = browser.new_context()
        for visit in ("first visit", "second visit"):
            page = context.new_page()
            started = perf_counter()
            page.goto(address)
            page.locator(".time-chart svg g path").first.wait_for(state="attached")
            times[visit] = (perf_counter() - started) * 1000
            page.close()
        browser.close()
    return times


def web_process(installation: Installation) -> int:
    """The process that serves the pages."""
    children = children_of(installation.process.pid)
    return next(pid for pid in children if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes())


if __name__ == "__main__":
    main()
