"""Steps are made again where they only came at the wrong moment; those of the same moment share a transaction."""

import asyncio
import time
from collections.abc import Sequence

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database
from helios_core.runtime.ledger import PREPARED_AFTER, Batch, Ledger, prepare


def run_batches(items: Sequence[int], batches: list[list[int]]) -> list[int | BaseException]:
    """Put all of `items` at once; 13 cannot be written."""

    async def commit(batch: Sequence[int]) -> list[int]:
        batches.append([*batch])
        await asyncio.sleep(0)
        if 13 in batch:
            raise ValueError("thirteen")
        return [2 * item for item in batch]

    async def put_all() -> list[int | BaseException]:
        batch = Batch(commit)
        return await asyncio.gather(*(batch.put(item) for item in items), return_exceptions=True)

    return asyncio.run(put_all())


def test_what_comes_at_once_is_written_at_once() -> None:
    batches: list[list[int]] = []
    assert run_batches([1, 2, 3], batches) == [2, 4, 6]
    assert batches == [[1, 2, 3]]


def test_what_cannot_be_written_fails_alone() -> None:
    batches: list[list[int]] = []
    first, refused, last = run_batches([1, 13, 3], batches)
    assert (first, last) == (2, 6)
    assert isinstance(refused, ValueError)
    assert batches == [[1, 13, 3], [1], [13], [3]]


def test_what_comes_during_a_commit_goes_with_the_next() -> None:
    batches: list[list[int]] = []

    async def commit(batch: Sequence[int]) -> list[int]:
        batches.append([*batch])
        await asyncio.sleep(0.05)
        return list(batch)

    async def put_all() -> None:
        batch = Batch(commit)
        first = asyncio.create_task(batch.put(1))
        await asyncio.sleep(0.01)
        await asyncio.gather(first, batch.put(2), batch.put(3))

    asyncio.run(put_all())
    assert batches == [[1], [2, 3]]


def test_a_transaction_that_the_machine_kept_waiting_is_made_again(urls: ServerUrls) -> None:
    database = Database(connect(urls.application))
    prepare(database.engine, idle_seconds=0.2)
    pauses = [0.6, 0.0]

    def step(session: Session) -> int:
        found: int = session.execute(text("SELECT 1")).scalar_one()
        time.sleep(pauses.pop(0))
        return found + len(session.execute(text("SELECT 1")).all())

    try:
        assert asyncio.run(Ledger(database).act("step", step)) == 2
    finally:
        database.close()
    assert pauses == []


def test_the_statements_of_steps_are_planned_once_whatever_they_ask_for(database: Database) -> None:
    prepare(database.engine, idle_seconds=5)
    counted = text("SELECT count(*) FROM generate_series(1, :until)")  # planned for each `until`, left to itself
    planned = text("SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%series(%'")

    def step(session: Session) -> tuple[int, int]:
        asked = [session.scalar(counted, {"until": until}) for until in range(20)]
        assert asked == [*range(20)]
        return tuple(session.execute(planned).one())

    assert asyncio.run(Ledger(database).act("count", step)) == (0, 20 - PREPARED_AFTER)


def test_a_step_whose_statement_was_prepared_before_a_migration_is_taken_all_the_same(
    database: Database, owner_url: SecretStr
) -> None:
    owner = connect(owner_url)
    with owner.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE moved AS SELECT 1 AS x")
        connection.exec_driver_sql("GRANT SELECT ON moved TO PUBLIC")
    prepare(database.engine, idle_seconds=5)
    ledger = Ledger(database)

    async def asked() -> object:
        return await ledger.act("ask", lambda session: session.scalar(text("SELECT x FROM moved")))

    async def ask_migrate_and_ask() -> None:
        for _ in range(PREPARED_AFTER + 2):
            assert await asked() == 1
        with owner.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE moved ALTER x TYPE text")
        assert await asked() == "1"

    asyncio.run(ask_migrate_and_ask())
    owner.dispose()
