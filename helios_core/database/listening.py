"""Listening: what the database announces of changes, as it happens, on a connection of its own."""

import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self, cast

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from helios_core.database.session import Database

CHANNEL = "helios_changes"
HEARTBEAT_SECONDS = 0.25
"""How often the server is asked whether it still is there."""
TRUSTED_SECONDS = 0.8
"""How long an answer is proof that no announcement was missed. With a heartbeat this is less than a second."""
RETRY_SECONDS = 0.25

Handler = Callable[[str | None], None]
"""Told which table changed; None: anything may have."""


class Listener:
    """A thread that tells its handlers of every change, and knows until when it has missed none.

    While the database is away, or the thread is stopped, `is_current` is false; when it is back, every handler is told
    that anything may have changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._handlers: list[Handler] = []
        self._current_until = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="helios-listener", daemon=True)

    def start(self) -> Self:
        """Listen from now on; without an end to it, for as long as the process lives."""
        self._thread.start()
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def is_current(self) -> bool:
        """Whether every change before this moment, but for the last second, has been told."""
        return monotonic() < self._current_until

    def tell(self, handler: Handler) -> None:
        """Tell `handler` of every change from now on, on the listener's thread."""
        self._handlers.append(handler)

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Whatever goes wrong with a connection, another one is the answer.
            with suppress(SQLAlchemyError, psycopg.Error):
                self._listen()
            self._current_until = float("-inf")
            self._stopping.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        with self._connection() as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._announce(None)
            while not self._stopping.is_set():
                asked_at = monotonic()
                connection.execute("SELECT")
                for notice in connection.notifies(timeout=0):
                    self._announce(notice.payload.partition(" ")[0])
                self._current_until = asked_at + TRUSTED_SECONDS
                for notice in connection.notifies(timeout=HEARTBEAT_SECONDS, stop_after=1):
                    self._announce(notice.payload.partition(" ")[0])

    def _connection(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection that is nobody else's, and none of the pool's."""
        pooled = self._database.engine.raw_connection()
        connection = cast("psycopg.Connection[tuple[object, ...]]", pooled.driver_connection)
        pooled.detach()
        connection.autocommit = True
        return connection

    def _announce(self, table: str | None) -> None:
        for handler in self._handlers:
            handler(table)
