"""The real files beside the checkout, where they are there; their text is read at test time and never copied."""

import gzip
from pathlib import Path

import pytest

FOLDER = (Path(__file__).parents[2] / "../shared/data/conversations").resolve()
REAL_FILES = sorted(path for path in FOLDER.glob("*/*") if path.suffix in {".json", ".gz"})
MAGENTIC_ONE = [path for path in REAL_FILES if path.name.startswith("magentic-one")]
CAPTAIN_AGENT = [path for path in REAL_FILES if path.name.startswith("captain-agent")]
CHATDEV_JSON = [path for path in REAL_FILES if path.parent.name == "chatdev" and path.suffix == ".json"]
CHATDEV_LOG = [path for path in REAL_FILES if path.parent.name == "chatdev" and path.suffix == ".gz"]

needs_real_files = pytest.mark.skipif(not REAL_FILES, reason=f"the real conversations are not at {FOLDER}")


def text_of(path: Path) -> str:
    """A real file as text, unpacked."""
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode()


def named(path: Path) -> str:
    """A short name for a test's parameter."""
    return path.name[:40]
