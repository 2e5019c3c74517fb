"""Importing files: each in a transaction of its own, so that a broken one leaves nothing and stops none."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from helios_core.errors import ImportRefused
from helios_core.ingest.reading import LIMIT_BYTES, read, unpacked
from helios_core.services.conversations import ImportResult, import_conversation
from helios_core.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class FileImport:
    """What became of one file: either a conversation, or a refusal that says why not."""

    path: Path
    result: ImportResult | None
    refusal: str | None


def import_files(workspace: Workspace, paths: Iterable[Path]) -> list[FileImport]:
    """Import each file, and say of each what became of it."""
    return [_attempt(workspace, path) for path in paths]


def _attempt(workspace: Workspace, path: Path) -> FileImport:
    try:
        return FileImport(path, import_file(workspace, path), None)
    except ImportRefused as refused:
        return FileImport(path, None, str(refused))


def import_file(workspace: Workspace, path: Path) -> ImportResult:
    """Import one file as a conversation of the workspace's user."""
    name = os.fsencode(path.name).decode("utf-8", "replace")
    content = _content(path, name)
    record = read(content, name)
    return workspace.act(
        lambda session: import_conversation(
            session, record, source="import", source_name=name, digest=digest_of(content)
        )
    )


def digest_of(content: bytes) -> str:
    """What tells one conversation from another: the SHA-256 of the file, unpacked, in hexadecimal."""
    return hashlib.sha256(unpacked(content)).hexdigest()


def _content(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            raise ImportRefused(f"{name}: there is no such file")
        with path.open("rb") as file:
            return file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise ImportRefused(f"{name}: it cannot be read ({error.strerror})") from error
