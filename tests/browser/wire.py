"""A wire to the database that a test can cut and mend."""

import select
import socket
import threading
from contextlib import suppress


class Wire:
    """A port of loopback whose connections go on to `port` while the wire is whole."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._is_whole = threading.Event()
        self._is_whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where to connect instead."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        self._is_whole.clear()
        for end in tuple(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Take connections again."""
        self._is_whole.set()

    def close(self) -> None:
        """Take no more connections, ever."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._is_whole.is_set():
                    threading.Thread(target=self._carry, args=(near,), daemon=True).start()
                else:
                    near.close()

    def _carry(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as far:
            ends = {near: far, far: near}
            self._open |= set(ends)
            try:
                while octets := self._next(ends):
                    octets[0].sendall(octets[1])
            finally:
                self._open -= set(ends)

    @staticmethod
    def _next(ends: dict[socket.socket, socket.socket]) -> tuple[socket.socket, bytes] | None:
        """Who is to get which bytes next; None when a side has ended."""
        ready, _, _ = select.select(list(ends), [], [])
        octets = ready[0].recv(65536)
        return (ends[ready[0]], octets) if octets else None
