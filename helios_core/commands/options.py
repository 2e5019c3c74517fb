"""What commands have in common: the options that many take, and how they reach the installation and print."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helios_core.errors import ConfigurationError, SchemaOutdated

if TYPE_CHECKING:
    from helios_core.services.workspace import Workspace
    from helios_core.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        readable=False,
        help="The folder that holds everything; else HELIOS_DATA, else the user's.",
    ),
]
Port = Annotated[
    int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="The dashboard's port on this machine.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Supervisor = Annotated[int | None, typer.Option("--supervisor", hidden=True, help="End when this process does.")]


def settings_for(data: Path | None, port: int | None = None) -> "Settings":
    """The environment's settings, with what the command line says in place of them."""
    from pydantic import ValidationError

    from helios_core.settings import settings

    try:
        found = settings()
    except ValidationError as error:
        problems = "; ".join(f"{_variable(str(p['loc'][0]))}: {p['msg']}" for p in error.errors())
        message = f"The environment holds a value that cannot be. {problems}."
        raise ConfigurationError(message) from error
    said: dict[str, Any] = {"data_dir": (data or found.data_dir).expanduser().resolve()}
    if port is not None:
        said["port"] = port
    return found.model_copy(update=said)


def _variable(field: str) -> str:
    return field if field.startswith("HELIOS_") else f"HELIOS_{field.upper()}"


def workspace_for(data: Path | None) -> "Workspace":
    """The running installation, as the operator of this machine sees it."""
    from sqlalchemy.exc import ProgrammingError

    from helios_core.services.users import ensure_local_operator
    from helios_core.services.workspace import open_workspace

    system = open_workspace(settings_for(data))
    try:
        return system.on_behalf_of(system.act(ensure_local_operator))
    except ProgrammingError as error:  # its tables are not there, or not ours to use
        raise SchemaOutdated from error


def show(value: object, json: bool, text: Callable[[], str]) -> None:
    """Print `value` as JSON, or what `text` makes of it for a person."""
    from helios_core.tables import as_json

    typer.echo(as_json(value) if json else text())
