"""`helios db`: the database, its schema, what it keeps, and how to reach it."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from helios_core.commands.options import Data, Json, settings_for, show, workspace_for

commands = typer.Typer(no_args_is_help=True, help="The database: schema, backup, retention.")


@commands.command("status")
def status(data: Data = None, json: Json = False) -> None:
    """Say which revision the schema is at, and which ones wait."""
    from helios_core.supervision.schema import schema_status

    status = schema_status(settings_for(data))
    waiting = f"waiting: {', '.join(status.pending)}" if status.pending else "nothing waits"
    show(status, json, lambda: f"The schema is at revision {status.current or 'none'}; {waiting}.")


@commands.command("upgrade")
def upgrade(data: Data = None) -> None:
    """Bring the schema up to date."""
    from helios_core.supervision.schema import upgrade_schema

    revisions = upgrade_schema(settings_for(data))
    typer.echo(f"Applied {', '.join(revisions)}." if revisions else "The schema is up to date.")


@commands.command("downgrade")
def downgrade(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="The one to go back to, or `base`.")],
    data: Data = None,
) -> None:
    """Take the schema back to REVISION; nothing is lost.

    What the dropped tables held is archived, and comes back with the next upgrade.
    """
    from helios_core.database import migrating
    from helios_core.database.engine import owner_url

    migrating.downgrade(owner_url(settings_for(data)), revision)
    typer.echo(f"The schema is at {revision}.")


@commands.command("url")
def url(
    owner: Annotated[bool, typer.Option("--owner", help="As the role that owns the tables.")] = False,
    data: Data = None,
) -> None:
    """Print a connection string for psql. It holds the password."""
    from helios_core.database.engine import application_url, owner_url

    found = (owner_url if owner else application_url)(settings_for(data))
    typer.echo(found.get_secret_value().replace("postgresql+psycopg://", "postgresql://", 1))


@commands.command("retention")
def retention(
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="CLASS=DAYS", help="Keep this class of data so long; CLASS=ever for ever."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Delete what is shown.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show which data has expired; --apply deletes it."""
    from helios_core.services import retention as keeping
    from helios_core.tables import table

    workspace = workspace_for(data)
    for rule in keep or []:
        name, _, days = rule.partition("=")
        if not days.isdecimal() and days != "ever":
            raise typer.BadParameter(f"{rule} is not CLASS=DAYS or CLASS=ever.")
        workspace.act(partial(keeping.keep, data_class=name, keep_days=None if days == "ever" else int(days)))
    shown = workspace.read(keeping.preview)
    headings = ("CLASS", "KEPT DAYS", "EXPIRED ROWS", "OLDEST", "BYTES")
    rows = [(e.data_class, e.keep_days, e.row_count, e.oldest_at, e.size_bytes) for e in shown]
    show(shown, json, lambda: table(headings, rows) if rows else "Everything is kept for ever; see --keep.")
    if apply:
        counts = keeping.apply(workspace, shown)
        if not json:
            typer.echo("\n".join(f"Deleted {count} of {name}." for name, count in counts.items()))


@commands.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; it must not be there yet.")],
    data: Data = None,
) -> None:
    """Write the whole database to FILE."""
    from helios_core.database.backup import backup

    size_bytes = backup(settings_for(data), file)
    typer.echo(f"{file} holds the whole database: {size_bytes / (1 << 20):,.1f} MiB.")


@commands.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")], data: Data = None
) -> None:
    """Bring an empty database to what FILE holds.

    That is the database of a new folder, or of a server of your own.
    """
    from helios_core.database.backup import restore

    restore(settings_for(data), file)
    typer.echo(f"The database is as {file} has it.")
