"""The door of the pages and commands: reads views and acts through services, on behalf of one principal.

It is closed to users for whom Helios is not enabled: they get NotEnabled.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from helios_core.database.engine import open_database
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DatabaseUnavailable
from helios_core.services.activation import require_enabled
from helios_core.settings import Settings

Result = TypeVar("Result")

AWAY = ("08", "53", "57P")
"""How the SQLSTATE of a server begins that takes no connections: lost, without resources, shutting down."""


@contextmanager
def answered() -> Iterator[None]:
    """Raise DatabaseUnavailable where the database does not answer, or ceases to."""
    try:
        yield
    except NoConnectionFree as error:
        message = "Too much is asked of the database at once; try again in a moment."
        raise DatabaseUnavailable(message) from error
    except (InterfaceError, OperationalError) as error:
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or state is None or state.startswith(AWAY):
            raise DatabaseUnavailable from error
        raise


@dataclass(frozen=True)
class Workspace:
    """One principal at one database."""

    database: Database
    principal: Principal

    def read(self, view: Callable[[Session], Result]) -> Result:
        """What `view` makes of the database as the principal may see it; nothing is written."""
        with answered(), self.database.session(self.principal) as session:
            require_enabled(session)
            return view(session)

    def act(self, use_case: Callable[[Session], Result]) -> Result:
        """Run `use_case` in one transaction, and commit it."""
        with answered(), self.database.pipelined(self.principal) as session:
            require_enabled(session)
            return use_case(session)

    def on_behalf_of(self, principal: Principal) -> "Workspace":
        """The same database, seen by another principal."""
        return Workspace(self.database, principal)


def open_workspace(settings: Settings, principal: Principal = SYSTEM) -> Workspace:
    """The running installation's database, seen by `principal`."""
    return Workspace(open_database(settings), principal)
