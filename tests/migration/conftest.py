"""A database that holds nothing of Helios yet."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls


@pytest.fixture
def blank_owner(blank: ServerUrls) -> Iterator[Engine]:
    """The empty database as the role that will own its tables."""
    engine = connect(blank.owner)
    yield engine
    engine.dispose()
