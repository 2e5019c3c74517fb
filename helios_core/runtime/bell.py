"""The bell: what the database announces to workers, as it happens, on a connection of its own."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

from pydantic import SecretStr

from helios_core.database.notices import notices
from helios_core.services import announcements
from helios_core.services.announcements import Change

RETRY_SECONDS = 0.5


class Bell:
    """Rings for a conversation when somebody steered it or it got a card's slot, and when a run waits for a worker.

    While the connection is away nothing can be heard, so that afterwards it rings for everything.
    """

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._listening: dict[int, set[asyncio.Event]] = defaultdict(set)
        self.requests = asyncio.Event()

    @contextmanager
    def heard(self, conversation_id: int) -> Iterator[asyncio.Event]:
        """An event that is set whenever the bell rings for a conversation."""
        event = asyncio.Event()
        self._listening[conversation_id].add(event)
        try:
            yield event
        finally:
            self._listening[conversation_id].discard(event)
            if not self._listening[conversation_id]:
                del self._listening[conversation_id]

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            async with aclosing(notices(self._url, announcements.CHANNEL)) as heard:
                async for payload in heard:
                    self._hear(payload)
            await asyncio.sleep(RETRY_SECONDS)

    def _hear(self, payload: str | None) -> None:
        if payload is None:
            self._ring_all()
        elif (change := announcements.read(payload)) is not None:
            self._ring(change)

    def _ring(self, change: Change) -> None:
        if change.kind == "request":
            self.requests.set()
        for event in self._listening.get(change.conversation_id, ()):
            event.set()

    def _ring_all(self) -> None:
        self.requests.set()
        for events in self._listening.values():
            for event in events:
                event.set()
