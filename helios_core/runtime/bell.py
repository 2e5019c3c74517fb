"""The bell: what the database announces to workers, as it happens, on a connection of its own."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from pydantic import SecretStr
from sqlalchemy import make_url

from helios_core.services import announcements
from helios_core.services.announcements import Change

RETRY_SECONDS = 0.5
ALIVE_SECONDS = 5.0
"""How often the connection is asked whether it still is one."""


class Bell:
    """Rings for a conversation when somebody steered it or it got a card's slot, and when a run waits for a worker.

    While the connection is away nothing can be heard, so that afterwards it rings for everything.
    """

    def __init__(self, url: SecretStr) -> None:
        self._url = make_url(url.get_secret_value()).set(drivername="postgresql").render_as_string(hide_password=False)
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
            with suppress(psycopg.Error, OSError):
                await self._listen()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=10)
        async with connection:
            await connection.execute(f"LISTEN {announcements.CHANNEL}")
            self._ring_all()
            while True:
                async for notice in connection.notifies(timeout=ALIVE_SECONDS):
                    change = announcements.read(notice.payload)
                    if change is not None:
                        self._ring(change)
                await connection.execute("SELECT")

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
