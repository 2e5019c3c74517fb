"""The database as this process's viewers may see it."""

from functools import cache
from threading import Lock

from helios_core.services.permissions import Action, may
from helios_core.services.users import ensure_local_operator
from helios_core.services.workspace import Workspace, open_workspace
from helios_core.settings import settings

_opening = Lock()


@cache
def _system() -> Workspace:
    return open_workspace(settings())


@cache
def _open() -> Workspace:
    return _system().on_behalf_of(_system().act(ensure_local_operator))


def workspace() -> Workspace:
    """The workspace of the one local operator, opened once per process; not kept where no database answered."""
    with _opening:
        return _open()


def renew() -> None:
    """Let the next page act in the role that the operator's account has now."""
    with _opening:
        _open.cache_clear()


def allows(action: Action) -> bool:
    """Whether the viewer's role allows `action`: what is refused is not offered, and the services refuse it anyway."""
    return may(workspace().principal.role, action)
