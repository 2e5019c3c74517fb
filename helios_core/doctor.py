"""`helios doctor`: what is missing or wrong on this machine, and what to do about it. It changes nothing."""

import os
import platform
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from helios_core.database.account import Account, account_for
from helios_core.database.binaries import find_binaries
from helios_core.database.engine import open_database
from helios_core.database.server import EmbeddedServer, Places
from helios_core.errors import HeliosError
from helios_core.services.discovery import listing_of
from helios_core.services.providers import endpoint_for
from helios_core.services.workspace import open_workspace
from helios_core.settings import Settings
from helios_core.supervision.ports import is_free, next_free
from helios_core.supervision.running import RunFile
from helios_core.supervision.schema import schema_status
from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.views.providers import list_model_servers
from helios_core.views.settings import health
from helios_core.views.workers import workforce

Level = Literal["ok", "warning", "problem"]

LEAST_FREE_BYTES = 1 << 30
COMFORTABLE_FREE_BYTES = 5 << 30
NEWEST_PYTHON = (3, 14)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, how it stands, and what to do where it is not well."""

    name: str
    level: Level
    message: str
    advice: str | None = None


Check = Callable[[Settings], Finding]


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that Helios needs here. A check that fails is itself a finding."""
    return [_guarded(name, check, settings) for name, check in CHECKS.items()]


def report(findings: list[Finding]) -> str:
    """The findings for a person, the advice below what it is about."""
    return "\n".join(line for finding in findings for line in _lines(finding))


def _guarded(name: str, check: Check, settings: Settings) -> Finding:
    try:
        return check(settings)
    except (HeliosError, OSError, SQLAlchemyError) as error:
        return Finding(name, "problem", str(error).splitlines()[0])


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.level:<8} {finding.name:<11} {finding.message}"
    if finding.advice:
        yield f"{'':<20} -> {finding.advice}"


def check_python(_settings: Settings) -> Finding:
    """The interpreter."""
    message = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] > NEWEST_PYTHON:
        return Finding("python", "warning", message, "Helios is tested with Python 3.11 to 3.14; use one of these.")
    return Finding("python", "ok", message)


def check_data_folder(settings: Settings) -> Finding:
    """Whether this user may keep data there, and the server's user may come there."""
    folder = settings.data_dir
    place = _nearest(folder)
    if not os.access(place, os.W_OK | os.X_OK):
        advice = f"Let this user write there, or choose another folder with --data. ({place} is closed.)"
        return Finding("data", "problem", f"{folder} cannot be written", advice)
    if settings.database_url is None:
        account = account_for(Places(folder).home)
        if closed := account.closed_folder(place):
            advice = f"Allow it with `chmod o+x {closed}`, or choose another folder with --data."
            message = f"User {account.name}, who runs PostgreSQL, may not enter {closed}"
            return Finding("data", "problem", message, advice)
    return Finding("data", "ok", f"{folder}" if folder.exists() else f"{folder}, made by the first `helios up`")


def check_disk(settings: Settings) -> Finding:
    """Whether there is room."""
    free = shutil.disk_usage(_nearest(settings.data_dir)).free
    message = f"{free / (1 << 30):.1f} GiB free below {settings.data_dir}"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "problem", message, "Make room, or choose another folder with --data.")
    if free < COMFORTABLE_FREE_BYTES:
        return Finding("disk", "warning", message, "A few weeks of samples take some GiB; make room.")
    return Finding("disk", "ok", message)


def check_postgresql(settings: Settings) -> Finding:
    """Whether the embedded server's programs are there, and start."""
    if settings.database_url is not None:
        return Finding("postgresql", "ok", "not needed: HELIOS_DATABASE_URL names a server")
    user = pwd.getpwuid(os.geteuid())
    me = Account(user.pw_name, user.pw_uid, user.pw_gid)
    binaries = find_binaries(me, settings.pg_bin, Places(settings.data_dir).data_dir / "binaries")
    return Finding("postgresql", "ok", f"PostgreSQL {binaries.major} in {binaries.folder}")


def check_database(settings: Settings) -> Finding:
    """Whether the database answers, its role is a safe one, and its schema is this Helios's."""
    if settings.database_url is None and not EmbeddedServer(settings.data_dir, settings.pg_bin).is_alive():
        return Finding("database", "ok", "not running; `helios up` starts it")
    status = schema_status(settings)
    if not status.pending:
        open_database(settings).close()
    if not status.is_current:
        advice = "Run `helios db upgrade`; `helios up` does it too where it knows the owner's role."
        message = f"answers, and waits for {len(status.pending)} revisions"
        return Finding("database", "problem" if status.pending else "warning", message, advice)
    return Finding("database", "ok", f"answers, at revision {status.current}")


def check_port(settings: Settings) -> Finding:
    """Whether the dashboard may listen where it is told to."""
    running = RunFile(settings.data_dir).living()
    if running is not None:
        return Finding("port", "ok", f"Helios runs at {running.address}, process {running.supervisor.pid}")
    if is_free(settings.port):
        return Finding("port", "ok", f"{settings.port} is free")
    advice = f"`helios up` takes the next free one, `helios up --port {next_free(settings.port)}` says which."
    return Finding("port", "warning", f"{settings.port} is taken by another program", advice)


def check_gpus(settings: Settings) -> Finding:
    """What the NVIDIA driver says, asked in a process of its own."""
    if settings.simulated_gpus:
        return Finding("gpus", "ok", "simulated cards only, as HELIOS_SIMULATED_GPUS says")
    probe = ProbeProcess()
    try:
        sweep = probe.sweep(Event())
    finally:
        probe.close()
    if sweep.fault is not None or not sweep.cards:
        said = sweep.fault.message if sweep.fault is not None else sweep.note or "The driver answers with no card."
        return Finding("gpus", "warning", said, "Until then, three simulated cards stand in, and say so.")
    names = ", ".join(card.identity.name for card in sweep.cards)
    faults = [card.reading.fault.message for card in sweep.cards if card.reading.fault is not None]
    return Finding("gpus", "warning" if faults else "ok", " ".join([names, *faults]))


def check_collector(settings: Settings) -> Finding:
    """Whether somebody reads the cards."""
    if settings.database_url is None and not EmbeddedServer(settings.data_dir, settings.pg_bin).is_alive():
        return Finding("collector", "ok", "not running; `helios up` starts it")
    workspace = open_workspace(settings)
    try:
        state = workspace.read(health)
    finally:
        workspace.database.close()
    stale = [collector.host for collector in state.collectors if collector.status == "stale"]
    if stale or not state.collectors:
        message = f"none reads the cards of {', '.join(stale)}" if stale else "none has read a card yet"
        return Finding("collector", "warning", message, "Start `helios up`, or `helios collect` on that host.")
    said = [f"{collector.host}: {collector.message}" for collector in state.collectors if collector.message]
    return Finding("collector", "ok", "; ".join(said) or f"reads {state.gpu_count} cards")


def check_workers(settings: Settings) -> Finding:
    """Whether somebody is there to carry conversations."""
    if settings.database_url is None and not EmbeddedServer(settings.data_dir, settings.pg_bin).is_alive():
        return Finding("workers", "ok", "not running; `helios up` starts one")
    workspace = open_workspace(settings)
    try:
        found = workspace.read(workforce)
    finally:
        workspace.database.close()
    if found.workers:
        return Finding("workers", "ok", f"{found.workers} carry {found.carried}, {found.waiting} wait for their turn")
    advice = "Start `helios up`, or `helios work` on any host with this database."
    if found.waiting:
        return Finding("workers", "problem", f"none is there, and conversations wait: {found.waiting}", advice)
    return Finding("workers", "warning", "none is there; a question would wait", advice)


def check_models(settings: Settings) -> Finding:
    """Whether the model servers that are enabled answer."""
    if settings.database_url is None and not EmbeddedServer(settings.data_dir, settings.pg_bin).is_alive():
        return Finding("models", "ok", "not asked: the database is not running")
    workspace = open_workspace(settings)
    try:
        found = workspace.read(list_model_servers)
        enabled = [server for server in found.servers if server.is_enabled and not server.is_rehearsal]
        endpoints = [
            workspace.read(partial(endpoint_for, model_provider=server.provider, data_dir=settings.data_dir))
            for server in enabled
        ]
    finally:
        workspace.database.close()
    if not enabled:
        message = "no model server is enabled" + (": every answer is made up" if found.is_rehearsing else "")
        return Finding("models", "warning", message, "Add one on the page Settings, Providers.")
    listings = [listing_of(endpoint) for endpoint in endpoints]
    problems = [listing.problem for listing in listings if listing.problem is not None]
    if problems:
        return Finding(
            "models", "problem", " ".join(problems), "See to it, or switch the model server off in Settings."
        )
    return Finding("models", "ok", ", ".join(f"{listing.server}: {len(listing.models)} models" for listing in listings))


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


CHECKS: dict[str, Check] = {
    "python": check_python,
    "data": check_data_folder,
    "disk": check_disk,
    "postgresql": check_postgresql,
    "database": check_database,
    "port": check_port,
    "collector": check_collector,
    "gpus": check_gpus,
    "workers": check_workers,
    "models": check_models,
}
