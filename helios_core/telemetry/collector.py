"""The collector: one process a host that reads its cards on schedule, and brings what it reads into the database."""

import logging
import signal
import socket
from collections.abc import Callable
from threading import Event
from time import monotonic

from helios_core.database.engine import open_database
from helios_core.database.session import Database
from helios_core.errors import TelemetryError
from helios_core.settings import Settings
from helios_core.telemetry.health import HealthWatch
from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.telemetry.simulated import SimulatedCards
from helios_core.telemetry.source import CardSource
from helios_core.telemetry.writer import Writer

FLUSH_SECONDS = 0.8
"""How long a collector that has to stop may take to write what is left."""
FIRST_ANSWER_SECONDS = 0.5
"""How long the first sweep waits for the database, which knows whether to simulate."""


def collect(settings: Settings) -> None:
    """Collect until SIGTERM or Ctrl-C. Raises ConfigurationError where the database must not be used."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    run_collector(settings, stop)


def run_collector(
    settings: Settings,
    stop: Event,
    *,
    host: str | None = None,
    probe: ProbeProcess | None = None,
    connect: Callable[[], Database] | None = None,
) -> None:
    """Collect for this host until `stop` is set; then write what is left, and return within a second.

    Raises ConfigurationError where the database must not be used, TelemetryError where writing came to an end.
    """
    host = host or socket.gethostname()
    source = CardSource(settings.simulated_gpus, probe or ProbeProcess(), SimulatedCards())
    writer = Writer(settings, host, connect or (lambda: open_database(settings)), stop)
    writer.start()
    try:
        _sweep_on_schedule(settings.sample_interval_seconds, source, writer, stop)
        is_asked_to_stop = stop.is_set()
    finally:
        stop.set()
        source.close()
        writer.finish(FLUSH_SECONDS)
    if not is_asked_to_stop:
        raise writer.failure or TelemetryError("Readings are no longer written; the log says why.")


def _sweep_on_schedule(interval_seconds: float, source: CardSource, writer: Writer, stop: Event) -> None:
    """Sweep at every tick of the interval. A sweep that takes longer costs ticks, and never moves them."""
    watch = HealthWatch()
    writer.has_answered.wait(FIRST_ANSWER_SECONDS)
    next_tick = monotonic()
    while not stop.wait(max(0.0, next_tick - monotonic())) and writer.is_alive():
        if not writer.is_standby:
            sweep = source.sweep(stop, knows_real_cards=writer.knows_real_cards, promised=writer.promised)
            verdicts = {card.identity.uuid: watch.judge(card, sweep.taken_at) for card in sweep.cards}
            writer.submit(sweep, verdicts)
        missed_ticks = max(0.0, monotonic() - next_tick) // interval_seconds
        next_tick += interval_seconds * (missed_ticks + 1)
