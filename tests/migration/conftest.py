"""Databases that hold nothing of Helios yet."""

from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import Engine

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from tests.conftest import administrator_of, at_database, execute

_numbers = count(1)


@pytest.fixture
def blank(template: ServerUrls) -> Iterator[ServerUrls]:
    """An empty database."""
    name = f"blank_{next(_numbers)}"
    with administrator_of(template) as administrator:
        execute(administrator, f"CREATE DATABASE {name}")
        yield ServerUrls(owner=at_database(template.owner, name), application=at_database(template.application, name))
        execute(administrator, f"DROP DATABASE {name}")


@pytest.fixture
def blank_owner(blank: ServerUrls) -> Iterator[Engine]:
    """The empty database as the role that will own its tables."""
    engine = connect(blank.owner)
    yield engine
    engine.dispose()
