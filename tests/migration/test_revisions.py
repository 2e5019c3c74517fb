"""Every revision goes up and down as often as one likes, with rows in every table, and by however many at once."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, Engine, text
from tenacity import stop_after_attempt

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.migrating import revisions
from helios_core.database.server import ServerUrls
from helios_core.database.versions import revision_names, status
from helios_core.errors import SchemaBusy
from tests.catalog import contents, definitions, tables
from tests.conftest import APPLICATION_ROLE
from tests.rows import fill

ROOT = Path(__file__).parents[2]
ROWS = 1_000
STEPS = [step.revision for step in reversed([*revisions().walk_revisions()])]
"""Every revision, the first one first."""


def fill_what_is_empty(engine: Engine, users: int) -> None:
    with engine.begin() as connection:
        found = tables(connection)
        empty = [table for table in found.values() if contents(connection, [table.name])[table.name][0] == 0]
        fill(connection, empty, users)


def described(engine: Engine) -> tuple[dict[str, tuple[int, str]], set[str]]:
    """What every table holds, and all that the schema defines."""
    with engine.connect() as connection:
        return contents(connection, list(tables(connection))), definitions(connection)


def test_the_history_is_one_line() -> None:
    script = revisions()
    assert script.get_heads() == STEPS[-1:]
    assert script.get_bases() == STEPS[:1]
    assert not any(step.is_merge_point or step.is_branch_point for step in script.walk_revisions())
    assert revision_names() == tuple(STEPS)


def test_every_revision_goes_up_and_down_twice_with_a_thousand_rows_a_table(
    blank: ServerUrls, blank_owner: Engine
) -> None:
    before = "base"
    for revision in STEPS:
        migrating.upgrade(blank.owner, APPLICATION_ROLE, revision)
        fill_what_is_empty(blank_owner, ROWS)
        rows, schema = described(blank_owner)
        for _ in range(2):
            migrating.downgrade(blank.owner, before)
            migrating.upgrade(blank.owner, APPLICATION_ROLE, revision)
        assert described(blank_owner) == (rows, schema)
        before = revision
    assert sum(count for count, _ in rows.values()) > (len(rows) - 3) * ROWS
    for _ in range(2):
        migrating.downgrade(blank.owner, "base")
        assert described(blank_owner)[0] == {}
        migrating.upgrade(blank.owner, APPLICATION_ROLE)
        assert described(blank_owner) == (rows, schema)


def test_eight_migrators_at_once_do_what_one_does(blank: ServerUrls, blank_owner: Engine, migrated: set[str]) -> None:
    command = [sys.executable, "-m", "tests.migration.killed", blank.owner.get_secret_value()]
    migrators = [subprocess.Popen(command, cwd=ROOT) for _ in range(8)]
    assert [migrator.wait(timeout=120) for migrator in migrators] == [0] * 8
    assert described(blank_owner) == (dict.fromkeys(described(blank_owner)[0], (0, "")), migrated)


@pytest.mark.parametrize(
    "strides", [(47, 13), pytest.param((1, 1), marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_a_migrator_may_be_killed_after_any_statement(
    blank: ServerUrls, blank_owner: Engine, migrated: set[str], strides: tuple[int, int]
) -> None:
    up, down = strides
    assert deaths(blank, "up", up) > 300 / up
    assert described(blank_owner)[1] == migrated
    fill_what_is_empty(blank_owner, users=5)
    rows, _ = described(blank_owner)
    assert deaths(blank, "down", down) > 100 / down
    assert described(blank_owner)[0] == {}
    assert deaths(blank, "up", up) > 300 / up
    assert described(blank_owner) == (rows, migrated)


def deaths(blank: ServerUrls, direction: str, stride: int) -> int:
    """How many migrators died on the way."""
    arguments = [blank.owner.get_secret_value(), direction, str(stride)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.migration.killed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.fixture
def migrated(urls: ServerUrls) -> set[str]:
    """All that a database defines that was migrated by one, undisturbed."""
    engine = connect(urls.owner)
    try:
        return described(engine)[1]
    finally:
        engine.dispose()


@pytest.fixture
def busy(urls: ServerUrls) -> Iterator[Connection]:
    """A transaction that has written a card, and does nothing more, while the telemetry's tables are missing."""
    migrating.downgrade(urls.owner, "e7f8a9b0c1d2")
    engine = connect(urls.owner)
    with engine.connect() as connection:
        write_card(connection, "idle")
        yield connection
    engine.dispose()


def write_card(connection: Connection, name: str) -> None:
    statement = "INSERT INTO gpu_resources (uuid, name, host, total_memory_mb) VALUES (:name, 'x', 'desk', 1)"
    connection.execute(text(statement), {"name": name})


def test_nobody_waits_long_behind_a_migrator_that_waits_for_an_idle_transaction(
    urls: ServerUrls, busy: Connection
) -> None:
    migrator = Thread(target=migrating.upgrade, args=(urls.owner, APPLICATION_ROLE))
    migrator.start()
    engine = connect(urls.owner)
    stalls = []
    until = time.monotonic() + 6
    while time.monotonic() < until:
        began = time.monotonic()
        with engine.begin() as connection:
            write_card(connection, str(began))
        stalls.append(time.monotonic() - began)
    assert migrator.is_alive()
    assert max(stalls) < 4, "a migrator gives way after half a second"
    busy.rollback()
    migrator.join(timeout=60)
    assert status(engine).is_current
    engine.dispose()


@pytest.mark.usefixtures("busy")
def test_a_migrator_that_nobody_lets_through_says_so(urls: ServerUrls) -> None:
    once = migrating.upgrade.retry_with(stop=stop_after_attempt(1))  # type: ignore[attr-defined]  # tenacity does not say so
    with pytest.raises(SchemaBusy, match="end its transaction"):
        once(urls.owner, APPLICATION_ROLE)


def test_five_minutes_are_made_of_the_minutes_there_were(blank: ServerUrls, blank_owner: Engine) -> None:
    migrating.upgrade(blank.owner, APPLICATION_ROLE, "decisions_about_several")
    with blank_owner.begin() as connection:
        write_card(connection, "kept")
        connection.execute(
            text("""
            INSERT INTO gpu_sample_rollups (resolution_seconds, gpu_id, bucket_at, sample_count, power_watts_avg,
                power_watts_max, fan_percent_avg, throttle_reasons)
            SELECT 60, id, minute::timestamptz, count, watts, watts + 1, NULLIF(fan, 0), reasons
            FROM gpu_resources, (VALUES ('2026-03-29 01:00Z', 60, 100, 0, 1), ('2026-03-29 01:04Z', 20, 200, 40, 4),
                ('2026-03-29 01:05Z', 60, 50, 0, NULL)) AS known (minute, count, watts, fan, reasons)
            """)
        )
    migrating.upgrade(blank.owner, APPLICATION_ROLE)
    made = (
        "SELECT sample_count, power_watts_avg, power_watts_max, fan_percent_avg, throttle_reasons"
        " FROM gpu_sample_rollups WHERE resolution_seconds = 300 ORDER BY bucket_at"
    )
    with blank_owner.connect() as connection:
        assert connection.execute(text(made)).all() == [(80, 125.0, 201.0, 40.0, 5), (60, 50.0, 51.0, None, None)]
