"""`helios`: every command. Each imports what it needs when it runs, so that help appears at once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from helios_core.commands import database, keys, placement, run
from helios_core.commands.options import Data, Json, Port, Supervisor, settings_for, show, workspace_for
from helios_core.exits import EXIT_CODES, ending_well

if TYPE_CHECKING:
    from helios_core.ingest.importing import FileImport
    from helios_core.views.agents import Agent

app = typer.Typer(
    name="helios",
    help="Mission control for a team of LLM agents on your own GPUs. Begin with `helios up`.",
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
users = typer.Typer(no_args_is_help=True, help="Who may work here.")
app.add_typer(database.commands, name="db")
app.add_typer(users, name="users")
app.add_typer(keys.commands, name="keys")
app.command("place")(placement.place_command)
app.command("run")(run.run_command)


def main() -> None:
    """Run the command that the arguments name."""
    with ending_well():
        app(prog_name="helios")


def print_version(asked: bool) -> None:
    """Print the version, and end."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"Helios {version('helios')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Print the version.")
    ] = False,
) -> None:
    """What holds for every command."""


@app.command("up")
def up_command(port: Port = None, data: Data = None) -> None:
    """Start all of Helios on this machine; Ctrl-C stops it."""
    settings = settings_for(data, port)
    typer.echo(f"Starting Helios with the data in {settings.data_dir}.")
    from helios_core.up import up  # takes a second: say something first

    up(settings, typer.echo)


@app.command()
def serve(port: Port = None, data: Data = None, supervisor: Supervisor = None) -> None:
    """Serve the pages alone, for a database that runs already."""
    from helios_core.supervision.ports import choose_port
    from helios_core.supervision.processes import die_with
    from helios_core.web import web_command, web_folder

    settings = settings_for(data, port)
    if supervisor is not None:
        die_with(supervisor)
    else:
        settings = settings.model_copy(update={"port": choose_port(settings)})
        typer.echo(f"Serving the pages at http://127.0.0.1:{settings.port}")
    os.chdir(web_folder())
    command = web_command(settings.port)
    os.execve(command[0], command, settings.environment())  # noqa: S606 (the command is our own)


@app.command("api")
def api_command(
    port: Annotated[int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="Where it listens.")] = None,
    address: Annotated[str, typer.Option("--address", metavar="A", help="Of this machine only.")] = "127.0.0.1",
    data: Data = None,
) -> None:
    """Serve the REST API alone, for a database that runs already."""
    from helios_core.api.app import PATH
    from helios_core.api.serving import serve_api
    from helios_core.supervision.ports import choose_port
    from helios_core.web import require_loopback

    require_loopback(address)
    settings = settings_for(data, port)
    settings = settings.model_copy(update={"port": choose_port(settings)})
    typer.echo(f"Serving the REST API at http://{address}:{settings.port}{PATH}; its documentation is at {PATH}/docs.")
    serve_api(settings, address)


@app.command()
def collect(data: Data = None, supervisor: Supervisor = None) -> None:
    """Read this machine's GPUs alone, for a running database."""
    from helios_core.supervision.processes import die_with
    from helios_core.telemetry.collector import collect as run

    if supervisor is not None:
        die_with(supervisor)
    run(settings_for(data))


@app.command()
def work(data: Data = None, supervisor: Supervisor = None) -> None:
    """Carry conversations alone, on as many hosts as there are."""
    from helios_core.runtime.worker import work as carry
    from helios_core.supervision.processes import die_with

    if supervisor is not None:
        die_with(supervisor)
    carry(settings_for(data), typer.echo)


@app.command("rehearse")
def rehearse_command(
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Where; 0 is any.")] = 11435,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="What is answered follows from it.")] = 0,
    pace: Annotated[float, typer.Option("--pace", metavar="X", min=0, help="1 can be watched, 0 is at once.")] = 1.0,
    data: Data = None,
    supervisor: Supervisor = None,
) -> None:
    """Serve made-up answers as Ollama would, without a model."""
    from helios_core.commands.rehearse import rehearse, stand_in
    from helios_core.rehearsal.behaviour import Behaviour
    from helios_core.supervision.processes import die_with

    behaviour = Behaviour(seed=seed, pace=pace)
    if supervisor is not None:
        die_with(supervisor)
        stand_in(settings_for(data), behaviour)
    else:
        rehearse(behaviour, port, typer.echo)


@app.command()
def doctor(port: Port = None, data: Data = None, json: Json = False) -> None:
    """Say what is missing or wrong here, and what to do."""
    from helios_core.doctor import examine, report

    findings = examine(settings_for(data, port))
    show(findings, json, lambda: report(findings))
    if any(finding.level == "problem" for finding in findings):
        raise typer.Exit(1)


@app.command()
def gpus(data: Data = None, json: Json = False) -> None:
    """The cards as they are now, with what was promised of them."""
    from helios_core.tables import table
    from helios_core.views.gpus import list_gpus

    found = workspace_for(data).read(list_gpus)
    headings = ("ID", "NAME", "STATE", "UTIL %", "USED MiB", "PROMISED MiB", "TOTAL MiB", "°C", "W", "AGE s")
    rows = [
        (
            card.id,
            f"{card.name} (simulated)" if card.is_simulated else card.name,
            card.state,
            card.utilization_percent,
            card.memory_used_mib,
            card.promised_mib,
            card.total_memory_mib,
            card.temperature_celsius,
            card.power_watts,
            card.age_seconds,
        )
        for card in found
    ]
    show(found, json, lambda: table(headings, rows))


@app.command()
def agents(data: Data = None, json: Json = False) -> None:
    """The team: who does what, with which model, on which GPU."""
    from helios_core.tables import table
    from helios_core.views.agents import list_agents

    found = workspace_for(data).read(list_agents)
    headings = ("ID", "STATUS", "MODEL", "PROVIDER", "GPU", "MEMORY MiB", "TASK")
    rows = [
        (a.agent_id, a.status, a.model_name, a.model_provider, _cards(a), a.allocated_memory_mb, _task(a))
        for a in found
    ]
    show(found, json, lambda: table(headings, rows))


@app.command("import")
def import_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Who&When, ChatDev or Helios's own files.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Take conversations in from files; the same file counts once."""
    from helios_core.ingest.importing import import_files

    results = import_files(workspace_for(data), files)
    show(results, json, lambda: "\n".join(_import_line(file) for file in results))
    if any(file.result is None for file in results):
        raise typer.Exit(5)


@app.command()
def export(
    conversation: Annotated[int, typer.Argument(metavar="CONVERSATION", help="Its number, as its page shows it.")],
    data: Data = None,
) -> None:
    """Print an ended conversation as JSON, which `import` reads."""
    from helios_core.services.exports import export_file

    typer.echo(workspace_for(data).read(lambda session: export_file(session, conversation)))


@users.command("list")
def list_users(data: Data = None, json: Json = False) -> None:
    """Everybody who may work here."""
    from helios_core.tables import table
    from helios_core.views.settings import list_users as load

    found = workspace_for(data).read(load)
    headings = ("ID", "NAME", "ROLE", "ACTIVE", "SINCE")
    rows = [(u.id, u.username, u.role, "yes" if u.is_active else "no", f"{u.created_at:%Y-%m-%d}") for u in found]
    show(found, json, lambda: table(headings, rows))


def _import_line(file: "FileImport") -> str:
    if file.result is None:
        return f"refused: {file.refusal}"
    known = "imported" if file.result.is_new else "there already"
    return f"{known}: {file.path.name}, conversation {file.result.conversation_id}: {file.result.title}"


def _cards(agent: "Agent") -> str | None:
    """The numbers of its cards: "0", or "0+1" where it is on several."""
    return None if agent.gpu_id is None else "+".join(map(str, (agent.gpu_id, *agent.further_gpu_ids)))


def _task(agent: "Agent") -> str:
    return agent.task.description[:60] if agent.task is not None else "none"
