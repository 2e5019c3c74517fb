"""What each view costs at size: `python -m tests.benchmarks.bench_queries [--small]`.

Builds 10 million samples and 1 million responses of 20 users, one of whom has nine tenths (a hundredth of that with
--small), then reads every view as the application's role for that user, for a small one and for an operator. Prints
each view's statements in ms (median and 95th percentile of 20 readings), their ratio to the time that the owner of
the tables needs for the same statements, and whatever scans a table that grows.
"""

import gc
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection, Engine, select

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.server import EmbeddedServer, ServerUrls
from helios_core.database.session import Database, Principal
from helios_core.models import MultiAgentConversation
from tests.benchmarks.named_queries import Named, Sent, named_queries, recorded
from tests.benchmarks.plans import Plan, Reading, scans
from tests.benchmarks.population import GROWING, LARGE, SMALL, USERS, Size, populate

REPEATS = 20
MOST_ROWS = 5_000
"""How far a statement may go along an index of a growing table, without a condition that leads it."""
READERS = {
    "holder of 90 %": Principal(1, "user"),
    "member": Principal(5, "user"),
    "operator": Principal(USERS + 1, "admin"),
}


@dataclass(frozen=True)
class Cost:
    """What one view cost one reader. Times are in ms."""

    view: str
    reader: str
    statements: int
    median_ms: float
    p95_ms: float
    owner_median_ms: float
    scans: tuple[Reading, ...]

    @property
    def ratio(self) -> float:
        """The reader's time against the owner's."""
        return self.median_ms / self.owner_median_ms if self.owner_median_ms else 1.0


def measure(application: Engine, owner: Engine) -> Iterator[Cost]:
    """Read every view as every reader."""
    database = Database(application)
    for reader, principal in READERS.items():
        conversation_id = newest_of(database, principal)
        for named in named_queries(conversation_id, datetime.now(UTC).replace(microsecond=0)):
            yield cost(database, owner, reader, principal, named)


def newest_of(database: Database, principal: Principal) -> int:
    """A conversation of the reader's that has ended."""
    with database.session(principal) as session:
        ended = select(MultiAgentConversation.id).where(MultiAgentConversation.outcome == "completed")
        return session.scalars(ended.order_by(MultiAgentConversation.id.desc()).limit(1)).one()


def cost(database: Database, owner: Engine, reader: str, principal: Principal, named: Named) -> Cost:
    """Read one view, then its statements again and again, as the reader and as the owner."""
    with database.session(principal) as session, owner.connect() as all_rows:
        with recorded(database.engine) as sent:
            named(session)
        mine = session.connection()
        plans = [explained(mine, statement) for statement in sent]
        times = [(timed(mine, sent), timed(all_rows, sent)) for _ in range(REPEATS)]
        own, owners = ([1000 * seconds for seconds in column] for column in zip(*times, strict=True))
        return Cost(
            named.name,
            reader,
            len(sent),
            statistics.median(own),
            sorted(own)[round(0.95 * (REPEATS - 1))],
            statistics.median(owners),
            tuple(reading for plan in plans for reading in scans(plan, GROWING, MOST_ROWS)),
        )


def explained(connection: Connection, sent: Sent) -> Plan:
    """The plan of a statement, run for the one whom the connection is bound to."""
    rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sent.statement}", dict(sent.parameters))
    plan: Plan = rows.scalar_one()[0]["Plan"]
    return plan


def timed(connection: Connection, statements: Sequence[Sent]) -> float:
    """The seconds that all of them take, their rows included."""
    began = perf_counter()
    for sent in statements:
        connection.exec_driver_sql(sent.statement, dict(sent.parameters)).all()
    return perf_counter() - began


@contextmanager
def populated(size: Size) -> Iterator[ServerUrls]:
    """An embedded server in a folder of its own, filled."""
    folder = Path(tempfile.mkdtemp(prefix="helios-bench-"))
    folder.chmod(0o711)
    server = EmbeddedServer(folder / "data")
    urls = server.start()
    try:
        migrating.upgrade(urls.owner, "helios_app")
        engine = connect(urls.owner)
        began = perf_counter()
        populate(engine, size)
        engine.dispose()
        print(f"built in {perf_counter() - began:,.0f} s: {size.samples:,} samples, {size.responses:,} responses\n")
        yield urls
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def report(costs: Sequence[Cost]) -> None:
    """Print the table, the slowest view first, and what scans."""
    print("| view | reader | statements | median ms | p95 ms | of the owner's time |\n|---|---|---|---|---|---|")
    for one in sorted(costs, key=lambda one: -one.p95_ms):
        times = f"{one.median_ms:.2f} | {one.p95_ms:.2f} | {one.ratio:.2f}"
        print(f"| {one.view} | {one.reader} | {one.statements} | {times} |")
    print("\nWhat reads more of a growing table than it should:")
    for one in costs:
        for reading in one.scans:
            print(f"- {one.view}, {one.reader}: {reading.node} on {reading.table}, {reading.rows:,} rows")


def main(arguments: Sequence[str]) -> None:
    """Build, measure, print."""
    size = SMALL if "--small" in arguments else LARGE
    with populated(size) as urls:
        gc.disable()  # its pauses would be this program's, and not the database's
        application, owner = connect(urls.application), connect(urls.owner)
        report([*measure(application, owner)])
        application.dispose()
        owner.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
