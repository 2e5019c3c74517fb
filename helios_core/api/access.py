"""Access: a key lets a request in, as its user and as far as its scope goes. Required on loopback, too."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from helios_core.database.session import SYSTEM
from helios_core.errors import KeyRefused, NotAllowed
from helios_core.services.keys import KeyHolder, Scope, authenticate
from helios_core.services.workspace import Workspace

OpenWorkspace = Callable[[], Workspace]
"""Opens the installation's database, as whomever; DatabaseUnavailable where none answers."""

bearer = HTTPBearer(
    scheme_name="key",
    bearerFormat="hel_<id>_<secret>",
    description="A key of `helios keys create`.",
    auto_error=False,
)


def database_of(request: Request) -> Workspace:
    """The database, as Helios itself sees it."""
    opened: OpenWorkspace = request.app.state.open_workspace
    return opened().on_behalf_of(SYSTEM)


System = Annotated[Workspace, Depends(database_of)]


def holder_of(system: System, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> KeyHolder:
    """Who sent the request."""
    if sent is None:
        message = "Send a key, as `Authorization: Bearer hel_...`; `helios keys create` makes one."
        raise KeyRefused(message)
    return system.act(lambda session: authenticate(session, sent.credentials))


Holder = Annotated[KeyHolder, Depends(holder_of)]


def opened_by(scope: Scope) -> Callable[[Workspace, KeyHolder], Workspace]:
    """A dependency: the workspace of the key's user, where the key's scope reaches as far as `scope`."""

    def workspace(system: System, holder: Holder) -> Workspace:
        if scope not in holder.scopes:
            message = f"The key {holder.name} does not go so far; this takes one with the scope {scope}."
            raise NotAllowed(message)
        return system.on_behalf_of(holder.principal)

    return workspace


Reader = Annotated[Workspace, Depends(opened_by(Scope.READ))]
Writer = Annotated[Workspace, Depends(opened_by(Scope.WRITE))]
Admin = Annotated[Workspace, Depends(opened_by(Scope.ADMIN))]
