"""Five users who each have a row in every table."""

from collections.abc import Iterator

import pytest

from helios_core.database.server import ServerUrls
from tests.isolation.filled import Filled, at, fill_all


@pytest.fixture
def filled(urls: ServerUrls) -> Iterator[Filled]:
    """The test's database, with five users and a row of each in every table."""
    fill_all(urls)
    with at(urls) as found:
        yield found
