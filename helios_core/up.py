"""`helios up`: all of Helios on this machine, started in order, watched, and stopped in the reverse order."""

import os
import signal
import sys
import time
from http.client import HTTPConnection, HTTPException

from sqlalchemy.exc import SQLAlchemyError

from helios_core.database.postmaster import read_postmaster, runs_in
from helios_core.database.server import EmbeddedServer, Places, ServerUrls
from helios_core.errors import HeliosError
from helios_core.services.workspace import Workspace, open_workspace
from helios_core.settings import Settings
from helios_core.supervision.children import Child, Part, Say
from helios_core.supervision.first_steps import seed, settle
from helios_core.supervision.ports import choose_port
from helios_core.supervision.running import RunFile, exclusive
from helios_core.supervision.schema import ensure_schema
from helios_core.supervision.signals import stoppable
from helios_core.views.settings import Health

PARTS = ("collect", "serve", "work", "rehearse")
HEALTHY_WITHIN_SECONDS = 60.0
CARDS_WITHIN_SECONDS = 10.0
TICK_SECONDS = 0.2
DATABASE_CHECK_SECONDS = 2.0
CARDS_CHECK_SECONDS = 0.25


def up(settings: Settings, say: Say) -> None:
    """Run all of Helios until a signal asks to stop. A second signal while it stops ends everything at once."""
    with stoppable(), exclusive(settings.data_dir) as run_file:
        installation = Installation(settings, run_file, say)
        try:
            installation.start()
            installation.watch()
        except KeyboardInterrupt:
            say("Stopping; Ctrl-C again ends everything at once.")
        finally:
            installation.stop()


class Installation:
    """The database and the parts of one data folder, while they run under this process."""

    def __init__(self, settings: Settings, run_file: RunFile, say: Say) -> None:
        self._settings = settings
        self._run_file = run_file
        self._say = say
        self._children: list[Child] = []
        self._server: EmbeddedServer | None = None
        self._urls: ServerUrls | None = None
        self._workspace: Workspace | None = None
        self._database_check = Every(DATABASE_CHECK_SECONDS)
        self._cards_check = Every(CARDS_CHECK_SECONDS)

    def start(self) -> None:
        """Start everything, and say where it is."""
        began = time.monotonic()
        for name in self._run_file.end_orphans():
            self._say(f"Ended {name}, which an earlier `helios up` left behind.")
        port = choose_port(self._settings)
        if port != self._settings.port:
            self._say(f"Port {self._settings.port} is taken by another program: using {port}.")
        self._settings = self._settings.model_copy(update={"port": port})
        self._start_database()
        self._start_parts()
        self._wait_for_pages()
        self._wait_for_cards()
        self._say(f"Helios is ready after {time.monotonic() - began:.1f} s: open {self._address}")
        self._say("Stop it with Ctrl-C.")

    def watch(self) -> None:
        """Keep everything running, until a signal comes."""
        while True:
            self._tend()
            time.sleep(TICK_SECONDS)

    def stop(self) -> None:
        """Stop the parts, then the database they work with."""
        try:
            for child in self._children:
                child.ask_to_end()
            for child in self._children:
                child.stop()
            if self._workspace is not None:
                self._workspace.database.close()
            if self._server is not None:
                self._server.stop()
        except KeyboardInterrupt:
            self._end_at_once()
            raise
        self._run_file.clear()
        if self._children or self._server is not None:
            self._say("Stopped.")

    def _end_at_once(self) -> None:
        """Kill what still runs. The database recovers from that at its next start; nothing committed is lost."""
        for child in self._children:
            child.kill()
        cluster = Places(self._settings.data_dir).cluster
        postmaster = read_postmaster(cluster) if self._server is not None else None
        if postmaster is not None and runs_in(cluster, postmaster.pid):
            os.kill(postmaster.pid, signal.SIGQUIT)

    @property
    def _address(self) -> str:
        return f"http://127.0.0.1:{self._settings.port}"

    def _start_database(self) -> None:
        if self._settings.database_url is None:
            self._server = EmbeddedServer(self._settings.data_dir, self._settings.pg_bin)
            self._urls = self._server.start()
        revisions = ensure_schema(self._settings)
        if revisions:
            self._say(f"Brought the schema up to date: {', '.join(revisions)}.")
        system = open_workspace(self._settings)
        self._workspace = system
        seed(system)

    def _start_parts(self) -> None:
        self._say("Starting the collector, the pages and a worker.")
        logs = self._settings.data_dir / "logs"
        for name in PARTS:
            command = [sys.executable, "-P", "-m", "helios_core", name, "--supervisor", str(os.getpid())]
            part = Part(name, command, self._settings.environment())
            self._children.append(Child(part, logs, self._say))
        self._tend_parts()

    def _wait_for_pages(self) -> None:
        deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
        while not answers(self._settings.port):
            if time.monotonic() > deadline:
                message = f"The pages do not answer; {self._settings.data_dir}/logs/serve.log says why."
                raise HeliosError(message)
            self._tend()
            time.sleep(0.05)

    def _wait_for_cards(self) -> None:
        deadline = time.monotonic() + CARDS_WITHIN_SECONDS
        while self._workspace is not None and time.monotonic() < deadline:
            self._tend()
            time.sleep(0.05)
        if self._workspace is not None:
            self._say(f"No card has been read yet; {self._settings.data_dir}/logs/collect.log says why.")

    def _tend(self) -> None:
        self._tend_parts()
        self._tend_database()
        self._settle()

    def _tend_parts(self) -> None:
        started = [child for child in self._children if child.tend()]
        if started:
            parts = {child.part.name: child.process_id for child in self._children}
            self._run_file.write(self._settings.port, {name: found for name, found in parts.items() if found})

    def _tend_database(self) -> None:
        """Start the embedded server again where it has ended, and the parts where that moved it to another port."""
        if self._server is None or not self._database_check.is_due() or self._server.is_alive():
            return
        self._say("The database has ended; starting it again.")
        try:
            urls = self._server.start()
        except HeliosError as error:
            self._say(str(error))
            return
        if urls != self._urls:
            self._urls = urls
            for child in self._children:
                child.stop()

    def _settle(self) -> None:
        """Settle as soon as there are cards; nothing else here needs the database after that."""
        if self._workspace is None or not self._cards_check.is_due():
            return
        try:
            state = settle(self._workspace)
        except (HeliosError, SQLAlchemyError):  # the database may be on its way back
            return
        if state is not None:
            self._workspace.database.close()
            self._workspace = None
            self._say(cards_sentence(state))


class Every:
    """A thing to do every so often."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._done_at = float("-inf")

    def is_due(self) -> bool:
        """Whether it is time to do it; then it counts as done."""
        now = time.monotonic()
        if now - self._done_at < self._seconds:
            return False
        self._done_at = now
        return True


def cards_sentence(state: Health) -> str:
    """Which cards there are."""
    if state.simulated_gpu_count:
        return f"{state.simulated_gpu_count} simulated cards stand in for real GPUs; every page says so."
    return f"Reading {state.gpu_count} GPU{'s' if state.gpu_count > 1 else ''}."


def answers(port: int) -> bool:
    """Whether the dashboard answers at `port` of loopback, and reaches its database."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
