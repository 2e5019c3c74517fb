"""What every programme of chaos begins with."""

from collections.abc import Iterator

import pytest

from helios_core.database.server import ServerUrls
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team, Zygote, team_at


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """The process that forks workers."""
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """A model server that answers at once."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def team(urls: ServerUrls, zygote: Zygote, models: ModelServer) -> Iterator[Team]:
    """A team with nothing to do yet."""
    with team_at(urls, zygote, models) as team:
        yield team
