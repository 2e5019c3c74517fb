"""Where a database's schema stands among the revisions of this Helios."""

from dataclasses import dataclass

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from helios_core.settings import bundled

VERSION_TABLE = "helios_alembic_version"
"""A host system keeps its own revisions in `alembic_version`."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where a database's schema stands."""

    current: str | None
    head: str
    pending: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to do."""
        return self.current == self.head


def configuration() -> Config:
    """What alembic has to know of the revisions."""
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def revisions() -> ScriptDirectory:
    """The revisions of this Helios."""
    return ScriptDirectory.from_config(configuration())


def status(engine: Engine) -> SchemaStatus:
    """Which revision the database is at, and which ones wait. Any role may ask."""
    with engine.connect() as connection:
        return status_of(connection)


def status_of(connection: Connection) -> SchemaStatus:
    """Which revision the database is at, and which ones wait; one that is newer than this Helios waits for none."""
    script = revisions()
    current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    newest_first = [step.revision for step in script.walk_revisions()]
    applied = newest_first.index(current) if current in newest_first else 0
    waiting = newest_first if current is None else newest_first[:applied]
    return SchemaStatus(current=current, head=str(script.get_current_head()), pending=tuple(reversed(waiting)))
