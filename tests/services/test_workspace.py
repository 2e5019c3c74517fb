"""The workspace: what its users meet where the database has no time for them."""

import pytest
from sqlalchemy import create_engine

from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database
from helios_core.errors import DatabaseUnavailable
from helios_core.services.workspace import Workspace
from helios_core.views.gpus import list_gpus


def test_more_at_once_than_there_are_connections_is_said_to_be_for_now(urls: ServerUrls) -> None:
    url = urls.application.get_secret_value()
    database = Database(create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05))
    with database.engine.connect(), pytest.raises(DatabaseUnavailable, match="try again in a moment"):
        Workspace(database, SYSTEM).read(list_gpus)
    assert Workspace(database, SYSTEM).read(list_gpus) == ()
    database.close()
