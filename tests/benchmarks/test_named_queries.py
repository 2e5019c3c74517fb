"""No view scans a table that grows, whoever reads it: proved on a small copy of the large database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database
from tests.benchmarks.bench_queries import MOST_ROWS, READERS, explained, newest_of
from tests.benchmarks.named_queries import named_queries, recorded
from tests.benchmarks.plans import Reading, scans
from tests.benchmarks.population import GROWING, SMALL, populate


@pytest.fixture
def populated(urls: ServerUrls) -> Iterator[Database]:
    """The test's database with 20,000 responses of twenty users, one of whom has nine tenths."""
    owner = connect(urls.owner)
    populate(owner, SMALL)
    owner.dispose()
    database = Database(connect(urls.application))
    yield database
    database.close()


def test_no_view_scans_a_table_that_grows(populated: Database) -> None:
    found: dict[str, list[Reading]] = {}
    for reader, principal in READERS.items():
        conversation_id = newest_of(populated, principal)
        for named in named_queries(conversation_id, datetime.now(UTC)):
            with populated.session(principal) as session:
                with recorded(populated.engine) as sent:
                    named(session)
                # So small a table is read as a whole where there is no rule against it.
                session.execute(text("SET LOCAL enable_seqscan = off"))
                plans = [explained(session.connection(), statement) for statement in sent]
            readings = [reading for plan in plans for reading in scans(plan, GROWING, MOST_ROWS)]
            if readings:
                found[f"{named.name}, {reader}"] = readings
    assert found == {}
