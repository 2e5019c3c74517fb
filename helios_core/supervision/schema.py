"""The schema of an installation's database, wherever that database is."""

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from helios_core.database import migrating
from helios_core.database.engine import application_url, connect, owner_url
from helios_core.database.versions import SchemaStatus, status
from helios_core.errors import DatabaseUnavailable, SchemaOutdated
from helios_core.runtime.engine import migrate as migrate_engine
from helios_core.settings import Settings


def schema_status(settings: Settings) -> SchemaStatus:
    """Where the schema stands, as the application's role sees it."""
    return _status(application_url(settings))


def upgrade_schema(settings: Settings) -> tuple[str, ...]:
    """Bring the schema up to date as its owner; the revisions that this took, the first one first.

    The application's role gets its rights even where nothing is pending: an upgrade may have been killed before that.
    """
    owner = owner_url(settings)
    pending = _status(owner).pending
    role = str(make_url(application_url(settings).get_secret_value()).username)
    migrating.upgrade(owner, role)
    migrate_engine(owner, role)
    return pending


def ensure_schema(settings: Settings) -> tuple[str, ...]:
    """Bring the schema up to date where this installation may; refuse an old one where it may not."""
    if settings.database_url is None or settings.owner_url is not None:
        return upgrade_schema(settings)
    if not schema_status(settings).is_current:
        message = (
            "The database of HELIOS_DATABASE_URL is older than this Helios, and only its owner may upgrade it: "
            "set HELIOS_OWNER_URL and run `helios db upgrade`."
        )
        raise SchemaOutdated(message)
    return ()


def _status(url: SecretStr) -> SchemaStatus:
    engine = connect(url)
    try:
        return status(engine)
    except OperationalError as error:
        raise DatabaseUnavailable from error
    finally:
        engine.dispose()
