"""The writer: a thread that brings sweeps into the database, and keeps them while the database is away."""

import logging
from collections import deque
from collections.abc import Callable
from itertools import islice
from threading import Event, Thread
from time import monotonic

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from helios_core.database.session import SYSTEM, Database
from helios_core.errors import ConfigurationError, HeliosError
from helios_core.services.balancing import balance
from helios_core.services.leases import reap_leases
from helios_core.settings import Settings
from helios_core.telemetry import store
from helios_core.telemetry.health import Verdict
from helios_core.telemetry.housekeeping import Housekeeping
from helios_core.telemetry.readings import Sweep
from helios_core.telemetry.record import Entry, HostRecord
from helios_core.telemetry.rollups import RESOLUTIONS_SECONDS
from helios_core.telemetry.simulated import Promised

log = logging.getLogger(__name__)

KEPT_SECONDS = 600.0
"""How much is kept while the database is away; older sweeps are given up."""
MOST_SWEEPS_AT_ONCE = 120
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
BALANCE_EVERY_SECONDS = 5.0
LOCK_SECONDS = 2
"""How long balancing waits for somebody who places an agent."""
STANDBY_SECONDS = 5.0
"""How often a collector that stands by looks whether the other one has gone."""


class Writer(Thread):
    """Writes the sweeps of one host. Only one process at a time does; others stand by until it has gone."""

    def __init__(self, settings: Settings, host: str, open_database: Callable[[], Database], stop: Event) -> None:
        super().__init__(name="telemetry-writer", daemon=True)
        self._host = host
        self._open_database = open_database
        self._stopping = stop
        self._wake = Event()
        self._pending: deque[Entry] = deque(maxlen=max(1, round(KEPT_SECONDS / settings.sample_interval_seconds)))
        self._database: Database | None = None
        self._host_lock: Connection | None = None
        self._record = HostRecord(host, settings.sample_interval_seconds)
        self._housekeeping = Housekeeping(settings)
        self._failures = 0
        self._balance_due_at = float("-inf")
        self.is_standby = False
        self.has_answered = Event()
        """Set when the database has answered for the first time."""
        self.failure: ConfigurationError | None = None
        """Why this writer gave up: a database that must not be used."""

    @property
    def knows_real_cards(self) -> bool | None:
        """Whether the inventory holds a real card; None while the database has not answered."""
        return self._record.knows_real_cards

    @property
    def promised(self) -> Promised | None:
        """What simulated cards have to show: the models that agents were promised there."""
        return self._record.promised

    def submit(self, sweep: Sweep, verdicts: dict[str, Verdict]) -> None:
        """Take a sweep, and what it says of each card's health, by UUID."""
        self._pending.append(Entry(sweep, verdicts))
        self._wake.set()

    def finish(self, within_seconds: float) -> None:
        """Write what is left, as far as that can be done in time. The stop event has to be set."""
        self._wake.set()
        self.join(within_seconds)

    def run(self) -> None:
        """Write until the stop event is set and nothing is left, or what is left cannot be written."""
        is_last = False
        while not is_last and self.failure is None:
            is_last = self._stopping.is_set()
            self._attempt(is_last=is_last)
            if not is_last:
                self._rest()
        self._let_go()

    def _rest(self) -> None:
        """Wait for a sweep, or for a database or a host that may be free again."""
        if self._failures:
            self._stopping.wait(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1])
        elif self.is_standby:
            self._stopping.wait(STANDBY_SECONDS)
        else:
            self._wake.wait()
            self._wake.clear()

    def _attempt(self, *, is_last: bool) -> None:
        """Write everything that waits, if the database answers and no other collector reads this host."""
        try:
            if not self._holds_host():
                return
            while self._pending:
                self._write_some()
            self._keep_house(is_last=is_last)
            if not is_last:
                self._balance()
        except ConfigurationError as error:
            self.failure = error
        except (SQLAlchemyError, HeliosError) as error:
            self._fail(error)
        else:
            self._failures = 0
            self.has_answered.set()

    def _holds_host(self) -> bool:
        """Whether this is the one collector of this host: an advisory lock of a connection that stays open."""
        if self._database is None:
            self._database = self._open_database()
        if self._host_lock is not None:
            self._host_lock.execute(select(1))
            return True
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        key = func.hashtextextended(f"helios collector of {self._host}", 0)
        if connection.scalar(select(func.pg_try_advisory_lock(key))):
            self._host_lock, self.is_standby = connection, False
            log.info("Reading the GPUs of %s.", self._host)
            return True
        connection.close()
        self._stand_by()
        return False

    def _stand_by(self) -> None:
        """Leave the host to the other collector."""
        self._pending.clear()
        if not self.is_standby:
            log.warning("Another collector reads the GPUs of %s; this one waits until that has ended.", self._host)
        self.is_standby = True

    def _write_some(self) -> None:
        """Write the oldest sweeps in one transaction. What the database refuses for good is given up."""
        entries = list(islice(self._pending, MOST_SWEEPS_AT_ONCE))
        try:
            with self._required_database().session(SYSTEM) as session:
                oldest = self._record.write(session, entries)
                session.commit()
            self._housekeeping.note(oldest)
        except (DataError, IntegrityError):
            log.exception("%s readings of %s were refused and are left out.", len(entries), self._host)
            self._record.forget()
        while self._pending and self._pending[0].sweep.taken_at <= entries[-1].sweep.taken_at:
            self._pending.popleft()

    def _keep_house(self, *, is_last: bool) -> None:
        """Do what is due beside the writing; at the end bring all rollups up to date."""
        chores = RESOLUTIONS_SECONDS if is_last else self._housekeeping.chores()
        if not chores:
            return
        with self._required_database().session(SYSTEM) as session:
            self._record.load(session)
            self._housekeeping.keep(session, chores, self._record.gpu_ids, store.database_now(session))
            session.commit()

    def _balance(self) -> None:
        """Relieve cards in trouble, and end leases of dead holders; what fails here must not cost a reading."""
        if monotonic() < self._balance_due_at:
            return
        self._balance_due_at = monotonic() + BALANCE_EVERY_SECONDS
        try:
            with self._required_database().session(SYSTEM) as session:
                session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                reap_leases(session)
                session.commit()
                session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                balance(session)
                session.commit()
        except (SQLAlchemyError, HeliosError) as error:
            log.warning("The load was not balanced this time: %s", str(error).partition("\n")[0])

    def _required_database(self) -> Database:
        if self._database is None:
            raise AssertionError
        return self._database

    def _fail(self, error: Exception) -> None:
        """Forget what may not be so any more, and say once that the database is away."""
        self._record.forget()
        self._housekeeping.forget()
        if self._host_lock is not None:
            self._host_lock.invalidate()
            self._host_lock.close()
            self._host_lock = None
        self._failures += 1
        if self._failures == 1:
            reason = str(error).partition("\n")[0]
            log.warning("The database does not take readings, which are kept for a while: %s", reason)

    def _let_go(self) -> None:
        """Leave the host to whoever comes next."""
        if self._host_lock is not None:
            self._host_lock.close()
        if self._database is not None:
            self._database.close()
