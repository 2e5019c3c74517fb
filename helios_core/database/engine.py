"""The application's engine: which database, and as which role."""

from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import OperationalError

from helios_core.database.safeguards import refuse_unsafe
from helios_core.database.server import server_urls
from helios_core.database.session import Database
from helios_core.errors import ConfigurationError, DatabaseUnavailable, HeliosError
from helios_core.settings import Settings


def connect(url: SecretStr, *, pre_ping: bool = True) -> Engine:
    """An engine for `url` by psycopg 3; nothing is opened yet.

    Without `pre_ping`, whoever uses a connection that has died finds out by its failure, and has to begin again.
    """
    parsed = make_url(url.get_secret_value())
    if parsed.get_backend_name() != "postgresql":
        message = f"Helios needs PostgreSQL 15 or later; HELIOS_DATABASE_URL names {parsed.get_backend_name()}."
        raise ConfigurationError(message)
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_pre_ping=pre_ping,
        pool_size=8,
        max_overflow=16,
        # A prepared statement does not survive a migration that changes its result.
        connect_args={
            "prepare_threshold": None,
            "connect_timeout": 10,
            "client_encoding": "utf8",
            "options": "-c timezone=UTC",
        },
    )


def application_url(settings: Settings) -> SecretStr:
    """Where the application connects: the configured database, or the embedded server that is running."""
    return settings.database_url or server_urls(settings.data_dir).application


def owner_url(settings: Settings) -> SecretStr:
    """Where migrations connect, as the role that owns the tables."""
    if settings.owner_url is not None:
        return settings.owner_url
    if settings.database_url is not None:
        message = (
            "Set HELIOS_OWNER_URL too: the role that owns the tables, to which HELIOS_DATABASE_URL must not belong."
        )
        raise ConfigurationError(message)
    return server_urls(settings.data_dir).owner


def open_database(settings: Settings, *, pre_ping: bool = True) -> Database:
    """The database of this installation, as a role that row-level security holds for.

    Raises DatabaseUnavailable where none answers, SchemaOutdated where revisions wait, and UnsafeRole or UnsafeSchema
    where users could see each other's rows.
    """
    engine = connect(application_url(settings), pre_ping=pre_ping)
    try:
        refuse_unsafe(engine)
    except OperationalError as error:
        engine.dispose()
        raise DatabaseUnavailable from error
    except HeliosError:
        engine.dispose()
        raise
    database = Database(engine)
    database.serve_model_query()
    return database
