"""Four conversations of our own writing, so that a new installation has something to show.

They are files in Helios's own format. Their times are as if it were `WRITTEN_FOR`; loading moves them, so that they
were held at the same distance before the moment of loading.
"""

from datetime import UTC, datetime
from importlib.resources import files

from sqlalchemy.orm import Session

from helios_core.ingest.importing import digest_of
from helios_core.ingest.reading import read
from helios_core.services.conversations import ImportResult, import_conversation

WRITTEN_FOR = datetime(2026, 1, 15, 12, tzinfo=UTC)


def load_samples(session: Session, now: datetime) -> list[ImportResult]:
    """Add the samples, marked as such, to the session's user; one that is there already stays as it is."""
    return [_load(session, name, content, now) for name, content in _sample_files()]


def _sample_files() -> list[tuple[str, bytes]]:
    """Name and content of each sample, in a fixed order."""
    found = [file for file in files(__name__).iterdir() if file.name.endswith(".json")]
    return [(file.name, file.read_bytes()) for file in sorted(found, key=lambda file: file.name)]


def _load(session: Session, name: str, content: bytes, now: datetime) -> ImportResult:
    record = read(content, name).shifted(now - WRITTEN_FOR)
    return import_conversation(session, record, source="sample", source_name=name, digest=digest_of(content))
