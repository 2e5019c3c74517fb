"""A worker: takes up conversations that wait and carries them, as many at a time as it has capacity."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import uvloop

from helios_core.database.engine import application_url, open_database
from helios_core.database.session import Database
from helios_core.errors import HoldLost
from helios_core.runtime.bell import Bell
from helios_core.runtime.conversation import lead, take_up
from helios_core.runtime.engine import QueueEngine
from helios_core.runtime.ledger import Ledger, prepare
from helios_core.runtime.models import Models
from helios_core.runtime.scribe import Scribe
from helios_core.runtime.tools import Desk, Tools
from helios_core.services import runs, workers
from helios_core.services.providers import endpoint_for
from helios_core.services.runs import Hold, WaitingRun
from helios_core.services.workers import BEAT_SECONDS, LEASE_SECONDS
from helios_core.settings import Settings
from helios_core.views.briefs import Brief

Say = Callable[[str], None]

CAPACITY = 32
"""How many conversations one worker carries at a time: most of their time is waiting for models."""
LOOK_SECONDS = 5.0
"""How often it looks for waiting runs by itself: an announcement may have been missed."""
TIDY_SECONDS = 60.0
"""How often the engine's workflows that are over are deleted."""
LEAVE_SECONDS = 3.0
"""How long a worker that is asked to stop tries to hand back what it carries."""
BURIED = 75
"""The exit code of a worker that counts as ended: others have what it held."""


def work(settings: Settings, say: Say) -> None:
    """Carry conversations until a signal asks to stop."""
    database = open_database(settings, pre_ping=False)  # the ledger begins again by itself
    try:
        uvloop.run(Worker(settings, database, models_of(settings)).run(say))
    finally:
        database.close()


def models_of(settings: Settings) -> Callable[[Ledger], Models]:
    """The models that operators allow."""
    where = partial(endpoint_for, data_dir=settings.data_dir)
    return lambda ledger: Models(ledger, where)


class Worker:
    """One process at work, known to the database while it is seen."""

    def __init__(
        self, settings: Settings, database: Database, models: Callable[[Ledger], Models], capacity: int = CAPACITY
    ) -> None:
        self._url = application_url(settings)
        self._capacity = capacity
        # Less than a lease: whoever takes over must not wait for the locks of one that was stopped.
        prepare(database.engine, LEASE_SECONDS / 2)
        self._ledger = Ledger(database)
        self._models = models(self._ledger)
        self._scribe = Scribe(self._ledger)
        self._tools = Tools(self._ledger, self._models, self._scribe)
        self._bell = Bell(self._url)
        self._carried: set[int] = set()
        self._taking: dict[int, asyncio.Task[tuple[Hold, Brief] | None]] = {}
        self._is_full = False
        """Whether runs may have been left for want of room."""
        self._seen_at = self._steady_since = time.monotonic()

    async def run(self, say: Say) -> None:
        """Work until SIGTERM or SIGINT; what is not done then waits for another worker."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        self.id = await self._ledger.act("enlist", partial(workers.enlist, capacity=self._capacity))
        engine = QueueEngine(self._url, self.id, self._carry)
        engine.launch()
        say(f"Worker {self.id} carries up to {self._capacity} conversations at a time.")
        parts = (
            self._bell.listen(),
            self._scribe.write(),
            self._beat(),
            self._reap(),
            self._take_up(engine),
            self._tidy(engine),
        )
        tasks = [*map(asyncio.create_task, parts), asyncio.create_task(stopping.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._leave(tasks)
            engine.stop()

    async def _leave(self, tasks: Sequence["asyncio.Task[object]"]) -> None:
        """Hand back what is carried, where the database answers; others would find it a little later anyway."""
        for task in tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._ledger.act("leave", partial(workers.bury, worker_id=self.id))
                await self._models.close()

    async def _beat(self) -> None:
        """Show that we are there; who counts as ended ends at once, and writes nothing more."""
        while True:
            await self._end_if_buried()
            now = time.monotonic()
            if now - self._seen_at > 2 * BEAT_SECONDS:
                self._steady_since = now
            self._seen_at = now
            await asyncio.sleep(BEAT_SECONDS)

    async def _end_if_buried(self) -> None:
        if not await self._ledger.act("beat", partial(workers.beat, worker_id=self.id)):
            print("This worker was not seen in time, and others have what it held.", file=sys.stderr)  # noqa: T201
            sys.stderr.flush()
            # At once: the engine must not take what we leave undone for our last word.
            os._exit(BURIED)

    async def _reap(self) -> None:
        """Look for workers that are gone; not while the database has just come back, when nobody was seen."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._ledger.act("reap", lambda session: workers.reap(session) if self._is_steady() else ())

    async def _tidy(self, engine: QueueEngine) -> None:
        """Keep the engine's tables small."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            await engine.tidy(partial(self._ledger.act, "living", workers.living))

    def _is_steady(self) -> bool:
        """Whether this worker could be seen all the time that others could."""
        now = time.monotonic()
        return now - self._seen_at <= 2 * BEAT_SECONDS and now - self._steady_since > LEASE_SECONDS

    async def _take_up(self, engine: QueueEngine) -> None:
        """Take up what waits, while there is room."""
        while True:
            self._bell.requests.clear()
            room = self._capacity - len(self._carried)
            if room > 0:
                claim = partial(runs.claim_waiting, worker_id=self.id, limit=room)
                claimed = await self._ledger.act("claim", claim)
                self._carried |= {run.conversation_id for run in claimed}
                self._is_full = len(claimed) == room
                await asyncio.gather(*(self._begin(engine, run) for run in claimed))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.requests.wait(), LOOK_SECONDS)

    async def _begin(self, engine: QueueEngine, run: WaitingRun) -> None:
        """Hand a claimed run to the engine; what its conversation needs is looked up meanwhile."""
        take = partial(take_up, conversation_id=run.conversation_id, worker_id=self.id)
        self._taking[run.conversation_id] = asyncio.create_task(self._ledger.act("take", take))
        await engine.dispatch(run)

    async def _carry(self, conversation_id: int) -> None:
        """Carry one conversation until it ends, or is held no longer."""
        try:
            taken = await self._taking.pop(conversation_id)
            if taken is None:
                await self._end_if_buried()
            else:
                await self._lead(*taken)
        finally:
            self._carried.discard(conversation_id)
            if self._is_full:
                self._is_full = False
                self._bell.requests.set()

    async def _lead(self, hold: Hold, brief: Brief) -> None:
        with self._bell.heard(hold.conversation_id) as heard:
            desk = Desk(hold, self._tools, brief.is_paused)
            leading = asyncio.create_task(lead(desk, brief))
            watching = asyncio.create_task(self._watch(desk, heard, leading))
            try:
                await asyncio.wait({leading})
            finally:
                watching.cancel()
                leading.cancel()
        if leading.cancelled() or isinstance(leading.exception(), HoldLost):
            await self._end_if_buried()
        else:
            leading.result()

    async def _watch(self, desk: Desk, heard: asyncio.Event, leading: "asyncio.Task[None]") -> None:
        """Pass on what the bell says, and stop at once where the run is held no longer: somebody cancelled it."""
        while True:
            await heard.wait()
            heard.clear()
            try:
                await desk.look()
            except HoldLost:
                leading.cancel()
                return
            desk.rung.set()
