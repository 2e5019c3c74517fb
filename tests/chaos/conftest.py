"""What every programme of chaos begins with."""

from collections.abc import Iterator

import pytest

from helios_core.database.server import ServerUrls
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team, Zygote, team_at


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long a programme of chaos takes is said on the command line."""
    parser.addoption("--times", type=int, help="how many kills, rounds or conversations a programme of chaos has")


@pytest.fixture
def times(request: pytest.FixtureRequest) -> int | None:
    """How often, where somebody said it."""
    times: int | None = request.config.getoption("times", None)
    return times


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
