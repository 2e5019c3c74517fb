"""A worker is killed at every named point; another carries on, and the history shows nothing of it."""

import random
import signal
import time

import pytest

from helios_core.runtime.worker import BURIED
from helios_core.services.workers import LEASE_SECONDS
from tests.chaos.team import Team

STEPS = ("claim", "take", "plan", "start", "respond", "judge", "check", "synthesis", "review", "finish", "beat", "reap")
POINTS = [
    *((step, when) for step in STEPS for when in ("before", "inside", "after")),
    ("dispatch", "before"),
    ("dispatch", "after"),
]


def test_a_conversation_goes_through_all_phases(team: Team) -> None:
    team.start_conversation()
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(30)
    assert team.history.faults(team.started, experts=3) == []


def dies(team: Team, step: str, when: str, nth: int) -> bool:
    """Whether a worker dies there. One that the machine kept waiting beyond its lease ends before, as it should."""
    for _ in range(10):
        ended = team.wait(team.worker(capacity=4, step=step, when=when, nth=nth))
        if ended != BURIED:
            return ended == -signal.SIGKILL
    return False


def kill_at_every_point(team: Team, nth: int) -> None:
    """At each point a worker of its own, with a new conversation and whatever the ones before left, dies."""
    for step, when in POINTS:
        for _ in range(nth):
            team.start_conversation()
        assert dies(team, step, when, nth), f"nobody came by {when} {step}"
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(60)
    assert team.history.faults(team.started, experts=3) == []


def test_killed_at_every_point_once(team: Team) -> None:
    kill_at_every_point(team, nth=1)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("times", [5, 50])
def test_killed_at_every_point_many_times(team: Team, times: int) -> None:
    for time_ in range(times):
        kill_at_every_point(team, nth=1 + time_ % 2)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("times", [20, 1000])
def test_killed_at_any_moment(team: Team, times: int) -> None:
    chance = random.Random(times)
    for _ in range(times):
        team.start_conversation()
        worker = team.worker(capacity=4, lease=LEASE_SECONDS)
        time.sleep(chance.uniform(0.2, 1.2))
        assert team.kill(worker) == -signal.SIGKILL
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(60 + times)
    assert team.history.faults(team.started, experts=3) == []
