"""The database goes away while the team is at work: nothing acknowledged is lost, and work resumes by itself."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from helios_core.database import migrating
from helios_core.database.server import EmbeddedServer
from helios_core.errors import DatabaseUnavailable
from helios_core.services.workers import LEASE_SECONDS
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team, Zygote, team_at
from tests.conftest import APPLICATION_ROLE
from tests.database.servers import pid_of
from tests.installations import open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """The data folder of a server that nobody else needs."""
    folder = open_folder("helios-outage-")
    yield folder
    EmbeddedServer(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def team(folder: Path, zygote: Zygote, models: ModelServer) -> Iterator[Team]:
    """A team at that server."""
    urls = EmbeddedServer(folder).start()
    migrating.upgrade(urls.owner, APPLICATION_ROLE)
    with team_at(urls, zygote, models) as team:
        yield team


def go_away(folder: Path, away_seconds: float) -> None:
    """Kill the server, and start it again after a while."""
    os.kill(pid_of(folder), signal.SIGQUIT)
    time.sleep(away_seconds)
    EmbeddedServer(folder).start()


def start_conversations(team: Team, count: int) -> None:
    """Ask as many questions; one that is not acknowledged is asked again."""
    for _ in range(count):
        with suppress(DatabaseUnavailable):
            team.start_conversation()


def test_a_restart_in_the_middle_of_many_conversations(folder: Path, team: Team, models: ModelServer) -> None:
    models.seconds = 0.3
    start_conversations(team, 6)
    for _ in range(2):
        team.worker(lease=4)
    time.sleep(1.5)
    go_away(folder, away_seconds=6)  # longer than a lease: nobody may be taken for dead who only was not seen
    start_conversations(team, 2)
    assert team.all_ended(60)
    assert team.history.faults(team.started, experts=3) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_minutes_without_a_database(folder: Path, team: Team, models: ModelServer) -> None:
    models.seconds = 0.5
    start_conversations(team, 10)
    for _ in range(2):
        team.worker(lease=LEASE_SECONDS)
    time.sleep(1)
    go_away(folder, away_seconds=120)
    assert team.all_ended(60)
    assert team.history.faults(team.started, experts=3) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_restarts_every_5_to_40_s_during_many_conversations(
    folder: Path, team: Team, models: ModelServer, times: int | None
) -> None:
    chance = random.Random(7)
    models.seconds = 0.5
    for _ in range(2):
        team.worker(lease=LEASE_SECONDS)
    while len(team.started) < (times or 500):
        start_conversations(team, 50)
        time.sleep(chance.uniform(5, 40))
        go_away(folder, away_seconds=chance.uniform(0, 2))
    assert team.all_ended(900)
    assert team.history.faults(team.started, experts=3) == []
