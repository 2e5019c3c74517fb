"""The database as this process's viewers may see it."""

from functools import cache
from threading import Lock

from helios_core.services.users import ensure_local_operator
from helios_core.services.workspace import Workspace, open_workspace
from helios_core.settings import settings

_opening = Lock()


@cache
def _open() -> Workspace:
    system = open_workspace(settings())
    return system.on_behalf_of(system.act(ensure_local_operator))


def workspace() -> Workspace:
    """The workspace of the one local operator, opened once per process; not kept where no database answered."""
    with _opening:
        return _open()
