"""A whole database in one file, and back: rows, policies, keys, and what downgrades have archived."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import URL, make_url, text

from helios_core.database import migrating
from helios_core.database.account import my_account
from helios_core.database.binaries import find_binaries
from helios_core.database.cluster import last_lines
from helios_core.database.engine import application_url, connect, owner_url
from helios_core.database.server import EmbeddedServer, Places
from helios_core.errors import BackupFailed, NotFound, Refused
from helios_core.settings import Settings

_TABLES = """
SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
"""


def backup(settings: Settings, file: Path) -> int:
    """Write the database to `file`, which appears when it is whole; its size in bytes.

    Raises Refused where `file` exists, BackupFailed with what PostgreSQL said.
    """
    if file.exists():
        message = f"{file} is there already; choose another name."
        raise Refused(message)
    partial = file.with_name(f"{file.name}.partial")
    try:
        # It holds everything that users wrote, so it is nobody else's to read.
        os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        with _running(settings):
            # The owner's policies show it all rows; without this option it would refuse to rely on them.
            _run(settings, "pg_dump", "--format=custom", "--enable-row-security", f"--file={partial}")
        partial.rename(file)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    return file.stat().st_size


def restore(settings: Settings, file: Path) -> None:
    """Bring an empty database to what `file` holds, all of it or nothing, and then to the schema of this Helios.

    Raises NotFound, Refused where the database holds anything, BackupFailed with what PostgreSQL said.
    """
    if not file.is_file():
        message = f"There is no file {file}."
        raise NotFound(message)
    with _running(settings):
        _refuse_unless_empty(owner_url(settings))
        _run(settings, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", str(file))
        role = make_url(application_url(settings).get_secret_value()).username
        migrating.upgrade(owner_url(settings), str(role))


@contextmanager
def _running(settings: Settings) -> Iterator[None]:
    """Let the embedded server run meanwhile, where it is the one and nobody runs it."""
    server = EmbeddedServer(settings.data_dir, settings.pg_bin)
    if settings.database_url is not None or server.is_alive():
        yield
        return
    server.start()
    try:
        yield
    finally:
        server.stop()


def _refuse_unless_empty(owner: SecretStr) -> None:
    engine = connect(owner)
    try:
        with engine.connect() as connection:
            count = connection.scalar(text(_TABLES))
    finally:
        engine.dispose()
    if count:
        message = (
            f"The database holds {count} tables, views or sequences already; restore into an empty one: "
            "a new folder with --data, or a new database."
        )
        raise Refused(message)


def _run(settings: Settings, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL as the owner of the tables; its password stays out of the list of processes."""
    url = make_url(owner_url(settings).get_secret_value())
    place = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    secret = {"PGPASSWORD": url.password} if url.password else {}
    done = subprocess.run(
        [_program(settings, program), "--no-password", f"--dbname={place.render_as_string()}", *arguments],
        env=settings.environment() | {"LC_ALL": "C"} | secret,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        errors = [line.partition(" error: ")[2] for line in done.stdout.splitlines() if " error: " in line]
        message = f"{program} failed, and nothing was changed. It said: {' | '.join(errors) or last_lines(done.stdout)}"
        raise BackupFailed(message)


def _program(settings: Settings, name: str) -> Path:
    return find_binaries(my_account(), settings.pg_bin, Places(settings.data_dir).data_dir / "binaries") / name
