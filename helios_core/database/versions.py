"""Where a database's schema stands among the revisions of this Helios.

Every process that opens a database asks. alembic, which runs the revisions, takes longer to import than the answer.
"""

import re
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Engine, text

from helios_core.settings import bundled

VERSION_TABLE = "helios_alembic_version"
"""A host system keeps its own revisions in `alembic_version`."""
_FILE_NAME = re.compile(r"\d{4}_(?P<revision>[0-9a-f]{12}(?=_)|.+)")


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


@cache
def revision_names() -> tuple[str, ...]:
    """The revisions of this Helios, oldest first, as the names of their files tell them."""
    files = sorted(path.stem for path in (bundled("migrations") / "versions").glob("[0-9]*.py"))
    return tuple(found["revision"] for name in files if (found := _FILE_NAME.match(name)))


def status(engine: Engine) -> SchemaStatus:
    """Which revision the database is at, and which ones wait. Any role may ask."""
    with engine.connect() as connection:
        return status_of(connection)


def status_of(connection: Connection) -> SchemaStatus:
    """Which revision the database is at, and which ones wait; one that is newer than this Helios waits for none."""
    names = revision_names()
    current = _current(connection)
    applied = 0
    if current is not None:
        applied = names.index(current) + 1 if current in names else len(names)
    return SchemaStatus(current=current, head=names[-1], pending=names[applied:])


def _current(connection: Connection) -> str | None:
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": VERSION_TABLE}) is None:
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 (our table)
    return found
