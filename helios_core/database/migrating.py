"""Bringing a database to the schema of this Helios, and back."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from helios_core.database.engine import connect
from helios_core.database.host import refuse_unfit_host
from helios_core.database.versions import VERSION_TABLE, status_of
from helios_core.errors import ConfigurationError, DatabaseUnavailable, SchemaBusy
from helios_core.models import Base
from helios_core.settings import bundled

LOCK_KEY = "helios migrations"
LOCK_WAIT_SECONDS = 300.0
LOCK_ATTEMPTS = 20
LOCK_NOT_AVAILABLE = "55P03"


def is_ours(name: str | None, type_: str, parent_names: object) -> bool:  # noqa: ARG001 (alembic's signature)
    """Whether alembic may compare this table: a host's own ones, and partitions, are none of its business."""
    return type_ != "table" or name in Base.metadata.tables


def revisions() -> ScriptDirectory:
    """The revisions of this Helios, as alembic reads them."""
    return ScriptDirectory.from_config(_configuration())


def _configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def _config(connection: Connection) -> Config:
    config = _configuration()
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Let one migrator at a time in. Polled: waiting inside the lock would block an index built concurrently."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while not connection.scalar(text("SELECT pg_try_advisory_lock(hashtext(:key))"), {"key": LOCK_KEY}):
            if time.monotonic() > deadline:
                message = "Another migration has been running for five minutes; look at it before you try again."
                raise DatabaseUnavailable(message)
            time.sleep(0.1)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtext(:key))"), {"key": LOCK_KEY})


def _refuse_unfit_server(connection: Connection) -> None:
    version, encoding = connection.execute(
        text("SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
    ).one()
    connection.rollback()
    if version < 150000:
        message = f"Helios needs PostgreSQL 15 or later; this server is {version // 10000}. Nothing was changed."
        raise ConfigurationError(message)
    if encoding != "UTF8":
        message = (
            f"Helios keeps text in any language, and this database is in {encoding}; "
            "create one with ENCODING 'UTF8' TEMPLATE template0. Nothing was changed."
        )
        raise ConfigurationError(message)


def _refuse_unfit_host(connection: Connection, application_role: str) -> None:
    pending = status_of(connection).pending
    connection.rollback()
    if pending:
        steps = [revisions().get_revision(revision).module for revision in pending]
        tables = {table for step in steps for table in getattr(step, "TABLES", ())}
        types = {name for step in steps for name in re.findall(r"CREATE TYPE (\w+)", getattr(step, "ENUMS", ""))}
        refuse_unfit_host(connection, application_role, tables | types)


@contextmanager
def _migrating(owner_url: SecretStr) -> Iterator[Connection]:
    engine = connect(owner_url)
    try:
        with _alone(engine), engine.connect() as connection:
            # Rather fail and try again than let everybody queue behind a waiting ALTER for a second.
            connection.execute(text("SET lock_timeout = '500ms'"))
            connection.commit()
            yield connection
    except OperationalError as error:
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or state is None:
            raise DatabaseUnavailable from error
        if state == LOCK_NOT_AVAILABLE:
            raise SchemaBusy from error
        raise
    finally:
        engine.dispose()


@retry(
    retry=retry_if_exception_type(SchemaBusy),
    stop=stop_after_attempt(LOCK_ATTEMPTS),
    wait=wait_random_exponential(max=5),
    reraise=True,
)
def upgrade(owner_url: SecretStr, application_role: str, revision: str = "head") -> None:
    """Bring the schema to `revision`, and let `application_role` use it. Safe to call at every start."""
    with _migrating(owner_url) as connection:
        _refuse_unfit_server(connection)
        _refuse_unfit_host(connection, application_role)
        command.upgrade(_config(connection), revision)
        grant(connection, application_role)
        connection.commit()


@retry(
    retry=retry_if_exception_type(SchemaBusy),
    stop=stop_after_attempt(LOCK_ATTEMPTS),
    wait=wait_random_exponential(max=5),
    reraise=True,
)
def downgrade(owner_url: SecretStr, revision: str) -> None:
    """Take the schema back to `revision`, or `base`; what the dropped tables held is archived."""
    with _migrating(owner_url) as connection:
        command.downgrade(_config(connection), revision)


def check(owner_url: SecretStr) -> None:
    """Raise where the models hold something that the revisions do not."""
    with _migrating(owner_url) as connection:
        command.check(_config(connection))


DRAWN_AHEAD = ("task_delegations_id_seq", "agent_responses_id_seq", "task_synthesis_id_seq")
"""Of what has its id before it is there, so that what refers to it goes out with it."""


def grant(connection: Connection, role: str) -> None:
    """Let `role` read and write rows, and nothing else; partitions are reached through their table."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    tables = connection.scalars(
        text(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind IN ('r', 'p') AND relrowsecurity AND pg_has_role(current_user, relowner, 'MEMBER')"
        )
    ).all()
    connection.execute(text(f"GRANT SELECT ON {VERSION_TABLE} TO {quoted}"))
    if tables:
        connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables)} TO {quoted}"))
    for sequence in DRAWN_AHEAD:
        if connection.scalar(text("SELECT to_regclass(:name)"), {"name": sequence}) is not None:
            connection.execute(text(f"GRANT USAGE ON SEQUENCE {sequence} TO {quoted}"))
    for function in ("helios_ensure_sample_partitions(date, date)", "helios_drop_sample_partitions(date)"):
        if connection.scalar(text("SELECT to_regprocedure(:name)"), {"name": function}) is not None:
            connection.execute(text(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}"))
