"""`helios rehearse`: the rehearsal alone, or standing in for model servers under `helios up`."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from helios_core.errors import HeliosError
from helios_core.providers.endpoints import Endpoint, Timeouts
from helios_core.providers.ollama import Client
from helios_core.rehearsal.behaviour import Behaviour
from helios_core.rehearsal.server import VERSION, RehearsalServer
from helios_core.services.providers import adopt, offer_rehearsal
from helios_core.services.workspace import Workspace, open_workspace
from helios_core.settings import Settings
from helios_core.supervision.signals import stoppable

Say = Callable[[str], None]
OLLAMA = Endpoint("ollama", "Ollama on this machine", "http://127.0.0.1:11434", timeouts=Timeouts(connect_seconds=1.0))
LOOK_SECONDS = 2.0
"""How soon the rehearsal goes after a model server is enabled."""


def rehearse(behaviour: Behaviour, port: int, say: Say) -> None:
    """Serve the rehearsal at a port of loopback until a signal asks to stop."""
    with stoppable(), RehearsalServer(behaviour, port) as server:
        say(f"Rehearsing at {server.address}, as Ollama would answer there; seed {behaviour.seed}.")
        say("No model is asked: every answer is made up. Stop it with Ctrl-C.")
        try:
            while True:
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            say("Stopped.")


def stand_in(settings: Settings, behaviour: Behaviour) -> None:
    """Be the model server of an installation as long as it has no other."""
    system = open_workspace(settings)
    with stoppable(), RehearsalServer(behaviour) as server:
        found = Found()
        try:
            while True:
                found.note(_look(system, server.address))
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            system.act(lambda session: offer_rehearsal(session, None))


class Found:
    """What was found last, so that it is said once."""

    def __init__(self) -> None:
        self._last: str | None = None

    def note(self, said: str) -> None:
        """Print what is new."""
        if said != self._last:
            print(said, flush=True)  # noqa: T201 (into this part's log)
            self._last = said


def _look(system: Workspace, address: str) -> str:
    """Stand in, or step back; what was done, in a sentence."""
    try:
        if not system.act(lambda session: offer_rehearsal(session, address)):
            return "A model server is enabled: nothing is rehearsed."
        models = asyncio.run(_models_of_ollama())
        is_adopted: bool = bool(models) and system.act(lambda session: adopt(session, OLLAMA.address, models))
        if is_adopted:
            return f"{OLLAMA.name} answers, and has a model of the team: it is enabled."
    except (HeliosError, SQLAlchemyError) as error:
        return f"Waiting: {error}"
    return f"No model server is enabled: rehearsing at {address}."


async def _models_of_ollama() -> frozenset[str]:
    """What an Ollama at its usual port has; nothing where none answers, or where it is a rehearsal."""
    client = Client(OLLAMA)
    try:
        if await client.version() == VERSION:
            return frozenset()
        return frozenset(model.name for model in await client.models())
    except HeliosError:
        return frozenset()
    finally:
        await client.aclose()
