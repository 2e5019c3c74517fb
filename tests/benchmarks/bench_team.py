"""How fast a team works, beside LangGraph: `python -m tests.benchmarks.bench_team [--peer PYTHON] [--seconds N]`.

A project manager plans, eight experts answer at the same time, the project manager writes the synthesis; 1, 8 and 32
conversations at a time, with a model that answers at once and with one that takes 50 ms. Each side is one process that
also asks the questions, at the same embedded PostgreSQL; the sides take turns, load by load. PYTHON is that of an
environment of its own:

    uv venv /tmp/peer && VIRTUAL_ENV=/tmp/peer uv pip install \\
        langgraph==1.2.22 langgraph-checkpoint-postgres==3.2.0 "psycopg[binary]==3.3.9"

LangGraph saves checkpoints with its Postgres saver at its default durability. Helios writes all it always writes: the
transcript, delegations, responses, drafts, claims, consensus, participation, blackboard, checkpoints; and it asks the
model once more than LangGraph, for the claims. Neither judge nor reviewer nor cards take part. Prints conversations/s,
and what a conversation takes beyond its model's time, by delegation. What counts is what ends within the time of a
load: were it what begins in it, up to the last end, then whoever takes longer would lose the more by it.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import uvloop
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.server import EmbeddedServer, ServerUrls
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import User
from helios_core.providers.chat import ChatAnswer, ChatRequest, Durations, ModelInfo
from helios_core.providers.endpoints import Endpoint
from helios_core.runtime.engine import migrate
from helios_core.runtime.ledger import Ledger
from helios_core.runtime.models import Models
from helios_core.runtime.worker import Worker
from helios_core.services import runs
from helios_core.services.team import default_team, ensure_default_team
from helios_core.services.workspace import Workspace
from helios_core.settings import Settings

ASLEEP = ("quality_assurance", "output_formatter", "personal_assistant")
"""The project manager and eight experts are left."""
EXPERTS = [member for member in default_team() if member.agent_id not in ASLEEP and member.group != "lead"]
DELEGATIONS = len(EXPERTS)
STARTED_SECONDS = 3.0
WARM_UP_SECONDS = 1.0
USERS = 8
"""Who ask in turn."""
Load = tuple[float, int]
LOADS: tuple[Load, ...] = tuple((delay, at_a_time) for delay in (0.0, 0.05) for at_a_time in (1, 8, 32))
"""Seconds that a model takes, and conversations at a time."""
QUESTION = "Should we move our nightly reports to a streaming pipeline, or keep the batch jobs?"
ANSWER = (
    "## Answer\n"
    + "A small step now is worth more than a large one later. " * 12
    + """
## Requirements
- A recommendation: met.
- The largest risk: met.
## Confidence
0.8"""
)
SYNTHESIS = "The team advises a trial of two weeks, and to ask those who read the reports first. " * 8
PLAN = {
    "summary": "Eight views are needed.",
    "directives": [
        {
            "expert": expert.display_name,
            "task": f"Say what {word} means for our nightly reports, and which risk comes first.",
            "context": "It serves the question about the streaming pipeline.",
            "requirements": ["A recommendation", "The largest risk"],
            "depends_on": [],
        }
        for expert, word in zip(
            EXPERTS, ["cost", "delay", "quality", "training", "security", "storage", "recovery", "trust"], strict=True
        )
    ],
}
MODEL_CALLS = {"helios": 4, "langgraph": 3}
"""Calls that follow each other: the plan, the answers, the claims, the synthesis; LangGraph draws no claims."""


@dataclass(frozen=True)
class Result:
    """What one side did under one load."""

    side: str
    delay_seconds: float
    at_a_time: int
    count: int
    seconds: float
    mean_seconds: float

    @property
    def per_second(self) -> float:
        """Conversations that ended in a second."""
        return self.count / self.seconds

    @property
    def added_ms(self) -> float:
        """What a delegation takes beyond the model's own time."""
        return (self.mean_seconds - MODEL_CALLS[self.side] * self.delay_seconds) / DELEGATIONS * 1000


@dataclass
class Instant:
    """A model in this process that answers what it is asked for after `delay_seconds`."""

    delay_seconds: float = 0.0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | ChatAnswer, None]:
        """The whole text at once."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        title = (request.schema or {}).get("title")
        written = {"Plan": json.dumps(PLAN), "Claims": '{"claims": []}'}.get(str(title), _prose(request))
        yield written
        structured = None if request.schema is None else json.loads(written)
        yield ChatAnswer(written, structured, request.model, "ollama", 100, 100, Durations(), "stop")

    async def models(self) -> tuple[ModelInfo, ...]:
        """None that anybody asks for."""
        return ()

    async def aclose(self) -> None:
        """There is nothing to close."""


def _prose(request: ChatRequest) -> str:
    return SYNTHESIS if request.messages[-1].content.startswith("# Write the synthesis") else ANSWER


class Watched(Worker):
    """A worker that tells when it has carried a conversation."""

    def __init__(self, settings: Settings, database: Database, models: Callable[[Ledger], Models]) -> None:
        super().__init__(settings, database, models, capacity=64)
        self._ends: dict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def until_carried(self, conversation_id: int) -> None:
        """Until it has ended."""
        await self._ends[conversation_id].wait()

    async def _carry(self, conversation_id: int) -> None:
        await super()._carry(conversation_id)
        self._ends[conversation_id].set()


class Team:
    """Helios in this process."""

    def __init__(self, urls: ServerUrls, folder: Path) -> None:
        self._database = Database(connect(urls.application, pre_ping=False))
        system = Workspace(self._database, SYSTEM)
        self._users = cycle([system.on_behalf_of(Principal(user_id, "user")) for user_id in system.act(furnish)])
        self._model = Instant()
        settings = Settings(database_url=urls.application).model_copy(update={"data_dir": folder})
        self._worker = Watched(settings, self._database, self._models)

    async def measure(self, seconds: float, peer: Callable[[Load], list[Result]]) -> list[Result]:
        """Every load, with the worker at work, and the peer's turn before each."""
        results = []
        async with asyncio.TaskGroup() as group:  # where the worker fails, nobody waits for it any more
            worker = group.create_task(self._work())
            await asyncio.sleep(STARTED_SECONDS)
            for load in LOADS:
                results += await asyncio.to_thread(peer, load)
                results.append(await self._loaded(*load, seconds))
            worker.cancel()
        self._check()
        self._database.close()
        return results

    async def _work(self) -> None:
        await self._worker.run(lambda _: None)
        sys.exit("The worker was asked to stop.")

    async def _loaded(self, delay_seconds: float, at_a_time: int, seconds: float) -> Result:
        """Conversations one after the other, so many at a time; what ends in time, after the first second, counts."""
        self._model.delay_seconds = delay_seconds
        took: list[float] = []
        counted_from = time.perf_counter() + WARM_UP_SECONDS
        counted_until = counted_from + seconds

        async def ask() -> None:
            while (now := time.perf_counter()) < counted_until:
                await self._worker.until_carried(await asyncio.to_thread(next(self._users).act, start))
                if counted_from <= time.perf_counter() < counted_until:
                    took.append(time.perf_counter() - now)

        await asyncio.gather(*(ask() for _ in range(at_a_time)))
        return Result("helios", delay_seconds, at_a_time, len(took), seconds, sum(took) / len(took))

    def _models(self, ledger: Ledger) -> Models:
        return Models(ledger, lambda *_: Endpoint("ollama", "Instant", "http://127.0.0.1"), lambda _: self._model)

    def _check(self) -> None:
        """Every conversation was completed, with all its answers."""
        counted = text(
            "SELECT outcome, count(*), sum((SELECT count(*) FROM agent_responses r WHERE r.conversation_id = c.id))"
            " FROM multi_agent_conversations c GROUP BY 1"
        )
        with self._database.session(SYSTEM) as session:
            for outcome, conversations, responses in session.execute(counted):
                assert (outcome, responses) == ("completed", DELEGATIONS * conversations), (outcome, conversations)


def furnish(session: Session) -> list[int]:
    """The team and its users."""
    ensure_default_team(session)
    asleep = text("UPDATE agent_configurations SET is_enabled = false WHERE agent_id = ANY (:asleep)")
    session.execute(asleep, {"asleep": list(ASLEEP)})
    users = [User(username=f"user {number}", role="user") for number in range(USERS)]
    session.add_all(users)
    session.flush()
    return [user.id for user in users]


def start(session: Session) -> int:
    """Ask the question."""
    return runs.start_conversation(session, QUESTION)


def peer_results(load: Load, python: str | None, url: SecretStr, seconds: float) -> list[Result]:
    """What LangGraph does under a load; nothing where it is not there."""
    if python is None:
        return []
    order = {
        "url": make_url(url.get_secret_value()).set(drivername="postgresql").render_as_string(hide_password=False),
        "question": QUESTION,
        "plan": json.dumps(PLAN),
        "tasks": [f"Task {number}" for number in range(DELEGATIONS)],
        "answer": ANSWER,
        "synthesis": SYNTHESIS,
        "seconds": seconds,
        "load": load,
    }
    command = [python, str(Path(__file__).with_name("langgraph_team.py"))]
    ended = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(ended.stderr)
    return [Result("langgraph", *load, **json.loads(ended.stdout))]


def report(results: Sequence[Result]) -> None:
    """Print the table, and the ratio where both sides were measured."""
    by_load = {(one.side, one.delay_seconds, one.at_a_time): one for one in results}
    print("| model | at a time | Helios /s | added a delegation | LangGraph /s | added a delegation | ratio |")
    print("|---|---|---|---|---|---|---|")
    for delay, at_a_time in LOADS:
        cells = [f"{delay * 1000:.0f} ms" if delay else "at once", str(at_a_time)]
        for side in MODEL_CALLS:
            one = by_load.get((side, delay, at_a_time))
            cells += [f"{one.per_second:.1f}", f"{one.added_ms:.1f} ms"] if one else ["n/a", "n/a"]
        both = [by_load[side, delay, at_a_time] for side in MODEL_CALLS if (side, delay, at_a_time) in by_load]
        cells.append(f"{both[0].per_second / both[1].per_second:.2f}" if len(both) == 2 else "n/a")
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Measure both sides at one server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each load")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="helios-bench-"))
    folder.chmod(0o711)
    server = EmbeddedServer(folder / "data")
    urls = server.start()
    try:
        migrating.upgrade(urls.owner, "helios_app")
        migrate(urls.owner, "helios_app")
        peer = partial(peer_results, python=arguments.peer, url=urls.owner, seconds=arguments.seconds)
        report(uvloop.run(Team(urls, folder).measure(arguments.seconds, peer)))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
