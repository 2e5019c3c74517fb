"""`helios keys`: who opens the REST API, and how far."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from helios_core.commands.options import Data, Json, show, workspace_for

commands = typer.Typer(no_args_is_help=True, help="Keys to the REST API.")


@commands.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    scope: Annotated[Literal["read", "write", "admin"], typer.Option(help="How far it goes.")] = "read",
    days: Annotated[int, typer.Option(metavar="N", help="How long it is good for.")] = 90,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Whose it is; yours, where nobody is named.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a key, and print it: it is shown only now."""
    from helios_core.services.keys import Scope, create_key
    from helios_core.services.users import find_user

    key = workspace_for(data).act(
        lambda session: create_key(
            session, name, Scope(scope), days, find_user(session, user).id if user is not None else None
        )
    )
    show(key, json, lambda: key.text)


@commands.command("list")
def list_keys(data: Data = None, json: Json = False) -> None:
    """Every key, but for what opens it."""
    from helios_core.tables import table
    from helios_core.views.keys import list_keys as load

    found = workspace_for(data).read(load)
    headings = ("ID", "USER", "NAME", "SCOPE", "STATE", "UNTIL", "LAST USED")
    rows = [
        (k.key_id, k.username, k.name, k.scope, k.state, _minute(k.expires_at), _minute(k.last_used_at)) for k in found
    ]
    show(found, json, lambda: table(headings, rows))


@commands.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `list` shows it.")], data: Data = None
) -> None:
    """Let a key open nothing any more."""
    from helios_core.services.keys import revoke_key

    workspace_for(data).act(lambda session: revoke_key(session, key))
    typer.echo(f"The key {key} opens nothing any more.")


def _minute(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
