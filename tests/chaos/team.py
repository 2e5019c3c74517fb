"""A team at a database of its own, with a model server, and workers that are started, stopped and killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import GPUResource, ModelProvider, ProviderEndpoint, User
from helios_core.runtime.engine import migrate
from helios_core.services import runs
from helios_core.services.team import ensure_default_team
from helios_core.services.workspace import Workspace
from tests.chaos.history import History, history
from tests.chaos.model_server import ModelServer
from tests.chaos.witness import install
from tests.waiting import eventually

BEAT_SECONDS, LEASE_SECONDS = 0.4, 2.0
"""A quarter of the real ones, so that a programme takes less time."""


class Zygote:
    """The process that forks workers."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.zygote"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        """Send a line, and return the one that it answers with."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@dataclass
class Team:
    """One database, its user, the model server, and the workers that were started."""

    urls: ServerUrls
    owner: Engine
    mine: Workspace
    models: ModelServer
    zygote: Zygote
    started: list[int] = field(default_factory=list)
    _workers: set[int] = field(default_factory=set)

    def start_conversation(self, priority: int = 5) -> int:
        """Ask a question that nobody asked before; when this returns, it is acknowledged."""
        question = f"Question {len(self.started)}? We need to know."
        ask = partial(runs.start_conversation, question=question, priority=priority)
        self.started.append(self.mine.act(ask))
        return self.started[-1]

    def worker(
        self,
        *,
        capacity: int = 32,
        lease: float = LEASE_SECONDS,
        faults: Sequence[str] = (),
        **crash: Any,  # noqa: ANN401
    ) -> int:
        """Start a worker; its process id. `step`, `when`, `nth`: where it dies; `faults`: of `mutations.FAULTS`."""
        order = {
            "url": self.urls.application.get_secret_value(),
            "beat": BEAT_SECONDS if lease == LEASE_SECONDS else lease / 4,
            "lease": lease,
            "capacity": capacity,
            "crash": crash or None,
            "faults": list(faults),
        }
        pid = int(self.zygote.ask(json.dumps(order)))
        self._workers.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """How a worker ended: an exit code, or minus the signal that killed it."""
        self._workers.discard(pid)
        return int(self.zygote.ask(f"wait {pid}"))

    def ended(self, pid: int) -> int | None:
        """How a worker ended, as `wait` says it; None while it lives."""
        said = self.zygote.ask(f"look {pid}")
        if said == "alive":
            return None
        self._workers.discard(pid)
        return int(said)

    def kill(self, pid: int, number: int = signal.SIGKILL) -> int:
        """End a worker."""
        os.kill(pid, number)
        return self.wait(pid)

    def all_ended(self, within_seconds: float) -> bool:
        """Whether every conversation comes to its end in time."""
        return eventually(self._is_over, within_seconds)

    def _is_over(self) -> bool:
        with suppress(OperationalError):  # the database is away
            return not self.ask("SELECT 1 FROM conversation_runs WHERE ended_at IS NULL")
        return False

    @property
    def under_way(self) -> list[Any]:
        """What has not ended: phase, epoch, and the worker that has it, with how long ago that was seen, and ended."""
        return self.ask(
            "SELECT r.conversation_id, c.current_phase::text, r.epoch, w.pid, now() - w.seen_at, now() - w.ended_at "
            "FROM conversation_runs r JOIN multi_agent_conversations c ON c.id = r.conversation_id "
            "LEFT JOIN workers w ON w.id = r.worker_id WHERE r.ended_at IS NULL ORDER BY r.conversation_id"
        )

    def ask(self, query: str) -> list[Any]:
        """The rows of a query, by the owner."""
        with self.owner.connect() as connection:
            return list(connection.execute(text(query)).all())

    @property
    def history(self) -> History:
        """What is written now."""
        with self.owner.connect() as connection:
            return history(connection, self.models.calls)

    def close(self) -> None:
        """End every worker that is left."""
        for pid in list(self._workers):
            os.kill(pid, signal.SIGCONT)
            self.kill(pid)


@contextmanager
def team_at(urls: ServerUrls, zygote: Zygote, models: ModelServer) -> Iterator[Team]:
    """A team at a migrated database."""
    migrate(urls.owner, "helios_app")
    database, owner = Database(connect(urls.application)), connect(urls.owner)
    install(owner)
    system = Workspace(database, SYSTEM)
    user_id = system.act(lambda session: _furnish(session, models.address))
    team = Team(urls, owner, system.on_behalf_of(Principal(user_id, "user")), models, zygote)
    try:
        yield team
    finally:
        team.close()
        database.close()
        owner.dispose()


def _furnish(session: Session, address: str) -> int:
    """The default team, half of it on each of two cards, a model server, and a user."""
    ensure_default_team(session)
    user = User(username="mira", role="user")
    cards = [
        GPUResource(uuid=f"C{i}", name="Card", host="desk", total_memory_mb=12288, max_concurrent_agents=2)
        for i in range(2)
    ]
    endpoint = ProviderEndpoint(provider=ModelProvider.OLLAMA, name="Ollama", address=address)
    session.add_all([user, *cards, endpoint])
    session.flush()
    session.execute(text("UPDATE agent_configurations SET gpu_assignment = id % 2, max_retries = 10"))
    return user.id
