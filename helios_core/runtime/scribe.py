"""The scribe: keeps the drafts of answers under way in the database, so that people can read along."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from helios_core.runtime.ledger import Ledger
from helios_core.services import drafts
from helios_core.services.drafts import Draft
from helios_core.services.runs import Hold

EVERY_SECONDS = 0.3

Key = tuple[int, str, int | None]


class Scribe:
    """Writes what changed of all drafts of a worker in one statement, a few times a second."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._drafts: dict[Key, Draft] = {}
        self._changed: set[Key] = set()
        self._written: set[Key] = set()
        self._finished: set[int] = set()
        """Conversations with drafts that belong to no delegation, and whose answer is there."""
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def reading_along(
        self, hold: Hold, agent_id: str, delegation_id: int | None = None
    ) -> AsyncIterator[Callable[[str], None]]:
        """What to tell the text so far of an answer. Once the block is left, no draft of it is on its way any more."""
        key = (hold.conversation_id, agent_id, delegation_id)

        def say(text: str) -> None:
            self._drafts[key] = Draft(hold.conversation_id, hold.epoch, delegation_id, agent_id, text)
            self._changed.add(key)

        try:
            yield say
        finally:
            self._changed.discard(key)
            if self._drafts.pop(key, None) is not None and self._writing.locked():
                async with self._writing:
                    pass
            if key in self._written:
                self._written.discard(key)
                if delegation_id is None:
                    self._finished.add(hold.conversation_id)

    async def write(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            async with self._writing:
                changed, finished = [self._drafts[key] for key in self._changed], [*self._finished]
                self._written |= self._changed
                self._changed.clear()
                self._finished.clear()
                if changed or finished:
                    await self._ledger.act("drafts", partial(drafts.write, drafts=changed, finished=finished))
