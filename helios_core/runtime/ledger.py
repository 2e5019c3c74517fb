"""The one door through which a worker writes: each step's effect is the record that the step is done.

Nothing else remembers what a worker has done, so that there are no two truths: a step is a transaction that asks
whether the run is still held and how far the conversation is, and writes what follows. A step whose commit nobody
heard of is simply done again, and finds itself done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DatabaseUnavailable, PhaseLeft
from helios_core.models import ConversationPhase
from helios_core.services.runs import Hold, holding
from helios_core.services.workspace import answered

Result = TypeVar("Result")
Item = TypeVar("Item")
UseCase = Callable[[Session], Result]

THREADS = 6
"""How many transactions run at a time: more would only take each other's turn."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
PREPARED_AFTER = 2
PREPARED_MAX = 500
"""How often a connection asks the same before it is prepared, and how many statements stay so."""
AGAIN = ("40001", "40P01", "55P03", "25P03", "0A000")
"""SQLSTATEs of transactions that only came at the wrong moment: serialization, deadlock, lock timeout, one in which the
machine let too much time pass, and a statement that was prepared before a migration changed what it reads; after the
roll-back it is prepared anew."""


def prepare(engine: Engine, idle_seconds: float) -> None:
    """Make the engine's connections a worker's: the server plans the statements of its steps once, not each time.

    And it ends a transaction in which nothing happens for `idle_seconds`: its worker was stopped, or its host is gone.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - a connection of psycopg's
        connection.prepare_threshold, connection.prepared_max = PREPARED_AFTER, PREPARED_MAX
        cursor = connection.cursor()
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {idle_seconds * 1000:.0f}")
        cursor.close()
        connection.commit()

    engine.dispose()  # the connections that there are are everybody's


class Ledger:
    """A worker's transactions. While the database is away they wait; nothing that was asked for is lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(THREADS, "helios-ledger")

    async def write(self, step: str, hold: Hold, use_case: UseCase[Result]) -> Result:
        """Take a step in a conversation as its user, while the run is held; else raise HoldLost."""

        def held(session: Session) -> Result:
            with holding(session, hold):
                return use_case(session)

        return await self.act(step, held, Principal(hold.user_id, "user"))

    async def leave_phase(
        self, step: str, hold: Hold, phase: ConversationPhase, use_case: UseCase[Result]
    ) -> Result | None:
        """Take the step that ends a phase; None where it is taken already, and nobody heard of its commit."""

        def held(session: Session) -> Result:
            with holding(session, hold, phase):
                return use_case(session)

        try:
            return await self.act(step, held, Principal(hold.user_id, "user"))
        except PhaseLeft:
            return None

    async def act(self, step: str, use_case: UseCase[Result], principal: Principal = SYSTEM) -> Result:
        """Run a transaction and commit it, as often as it takes the database to answer."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                running = asyncio.get_running_loop()
                return await running.run_in_executor(self._threads, self._commit, step, use_case, principal)
            except DatabaseUnavailable:
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in AGAIN:
                    raise

    def _commit(self, step: str, use_case: UseCase[Result], principal: Principal) -> Result:  # noqa: ARG002
        with answered(), self._database.pipelined(principal) as session:
            return use_case(session)


@dataclass
class Batch(Generic[Item, Result]):
    """Steps that come at the same moment, in one transaction: what arrives while one commits goes with the next."""

    commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]
    """Writes items, and answers with the result of each."""
    _waiting: list[tuple[Item, "asyncio.Future[Result]"]] = field(default_factory=list)
    _writer: "asyncio.Task[None] | None" = None

    async def put(self, item: Item) -> Result:
        """Have `item` written, and return its result."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if not await self._written(batch):
                for one in batch:  # let the one that cannot be written fail alone
                    await self._written([one])
        self._writer = None

    async def _written(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> bool:
        """Write a batch, and tell who waits; False where it failed and others are in it."""
        try:
            results = await self.commit([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            if len(batch) > 1:
                return False
            _tell(batch[0][1], error)
            return True
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)
        return True


def _tell(done: "asyncio.Future[Result]", error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
