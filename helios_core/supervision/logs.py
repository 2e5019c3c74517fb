"""What the parts say, in files that do not grow for ever."""

from pathlib import Path
from threading import Lock
from typing import BinaryIO

LIMIT_BYTES = 5_000_000
KEPT = 3


class LogFile:
    """A file that starts anew when it is full; the `KEPT` ones before stay as `name.log.1`, `name.log.2`, ..."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def copy(self, source: BinaryIO) -> None:
        """Write all of `source` as it comes, until it ends."""
        with source:
            for line in source:
                self.write(line)

    def write(self, line: bytes) -> None:
        """Append `line`."""
        with self._lock:
            if self.path.exists() and self.path.stat().st_size + len(line) > self._limit_bytes:
                self._rotate()
            with self.path.open("ab") as file:
                file.write(line)

    def tail(self, lines: int = 5) -> list[str]:
        """The last lines."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 4096))
            return file.read().decode("utf-8", errors="replace").splitlines()[-lines:]

    def _rotate(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self._numbered(number - 1) if number > 1 else self.path
            if older.exists():
                older.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
