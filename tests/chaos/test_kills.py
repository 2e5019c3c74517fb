"""A worker is killed at every named point; another carries on, and the history shows nothing of it."""

import random
import signal
import time
from collections import deque
from collections.abc import Iterable

import pytest

from helios_core.runtime.worker import BURIED
from helios_core.services.workers import LEASE_SECONDS
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team

Point = tuple[str, str, int]
"""A step, whether before, inside or after it, and the how many-th time that a worker comes by there."""

STEPS = ("claim", "take", "plan", "start", "respond", "judge", "check", "synthesis", "review", "finish", "beat", "reap")
POINTS = [
    *((step, when) for step in STEPS for when in ("before", "inside", "after")),
    ("dispatch", "before"),
    ("dispatch", "after"),
]
SIDE_BY_SIDE = 4
"""How many workers are on their way to their end at a time."""
UNDER_WAY = "SELECT 1 FROM conversation_runs WHERE ended_at IS NULL"


def test_a_conversation_goes_through_all_phases(team: Team) -> None:
    team.start_conversation()
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(30)
    assert team.history.faults(team.started, experts=3) == []


class Deaths:
    """Workers that die where they are told to, a few at a time, while one that lives finds them and carries on."""

    def __init__(self, team: Team, points: Iterable[Point]) -> None:
        self._team = team
        self._left = deque(points)
        self._dying: dict[int, Point] = {}

    def come(self) -> None:
        """Let all of them die."""
        self._team.worker(capacity=2)
        while self._left or self._dying:
            while self._left and len(self._dying) < SIDE_BY_SIDE:
                self._send(self._left.popleft())
            self._bury()
            if len(self._team.ask(UNDER_WAY)) < 2 * SIDE_BY_SIDE:
                self._team.start_conversation()
            time.sleep(0.03)

    def _send(self, point: Point) -> None:
        step, when, nth = point
        self._dying[self._team.worker(capacity=4, step=step, when=when, nth=nth)] = point

    def _bury(self) -> None:
        """See who is dead. One that the machine kept waiting beyond its lease ended before, and another is sent."""
        for pid, point in list(self._dying.items()):
            ended = self._team.ended(pid)
            if ended is not None:
                assert ended in {-signal.SIGKILL, BURIED}, (point, ended)
                del self._dying[pid]
                if ended == BURIED:
                    self._left.append(point)


@pytest.mark.timeout(3600)
def test_killed_at_every_point(team: Team, times: int | None) -> None:
    """Five times at each in the usual run, every other time when the worker comes by there for the second time."""
    Deaths(team, [(*point, 1 + time_ % 2) for time_ in range(times or 5) for point in POINTS]).come()
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(120), team.under_way
    assert team.history.faults(team.started, experts=3) == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_at_any_moment(team: Team, models: ModelServer, times: int | None) -> None:
    models.seconds = 0.1
    chance = random.Random(times)
    workers = [team.worker(capacity=8) for _ in range(4)]
    for _ in range(times or 1000):
        if len(team.ask(UNDER_WAY)) < 8:
            team.start_conversation()
        time.sleep(chance.uniform(0.05, 0.8))
        victim = chance.choice(workers)
        assert team.kill(victim) in {-signal.SIGKILL, BURIED}
        workers[workers.index(victim)] = team.worker(capacity=8)
    team.worker(lease=LEASE_SECONDS)
    for worker in workers:
        assert team.kill(worker) in {-signal.SIGKILL, BURIED}
    assert team.all_ended(120), team.under_way
    assert team.history.faults(team.started, experts=3) == []
