"""One reading for all viewers, and the last good one while the database is away."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from dashboard.live import TICK_SECONDS, SharedViews
from helios_core.database.session import Principal
from helios_core.errors import DatabaseUnavailable, NotFound

OLGA = Principal(1, "operator")
MIRA = Principal(2, "user")


def unreachable() -> str:
    raise DatabaseUnavailable


def grown_old(views: SharedViews) -> None:
    """Let the tick of every reading pass, and the pause after a failure."""
    for reading in views._readings.values():
        assert reading.read_at is not None
        reading.read_at -= 2 * TICK_SECONDS
    views.failed_at = None


def counting() -> tuple[list[int], Callable[[], int]]:
    """A view that counts how often it is read."""
    reads: list[int] = []

    def load() -> int:
        reads.append(1)
        return len(reads)

    return reads, load


def test_a_view_is_read_once_per_tick_for_all_who_ask() -> None:
    views, (reads, load) = SharedViews(), counting()
    assert [views.get((OLGA, "gpus"), load) for _ in range(20)] == [1] * 20
    grown_old(views)
    assert views.get((OLGA, "gpus"), load) == 2
    assert len(reads) == 2


def test_viewers_at_the_same_moment_cause_one_reading() -> None:
    views, (reads, load) = SharedViews(), counting()
    together = Barrier(8)

    def look() -> None:
        together.wait()
        views.get((OLGA, "gpus"), load)

    viewers = [Thread(target=look) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert len(reads) == 1


def test_what_one_principal_sees_is_never_shown_to_another() -> None:
    views = SharedViews()
    assert views.get((OLGA, "gpus"), lambda: "olga's") == "olga's"
    assert views.get((MIRA, "gpus"), lambda: "mira's") == "mira's"


def test_the_last_good_reading_stays_while_the_database_is_away() -> None:
    views = SharedViews()
    views.get((OLGA, "gpus"), lambda: "good")
    grown_old(views)
    assert views.get((OLGA, "gpus"), unreachable) == "good"
    assert views.failing_since is not None
    grown_old(views)
    assert views.get((OLGA, "gpus"), lambda: "better") == "better"
    assert views.failing_since is None


def test_a_database_that_is_away_is_left_alone_for_a_moment() -> None:
    views, (reads, load) = SharedViews(), counting()
    views.get((OLGA, "gpus"), lambda: 0)
    grown_old(views)
    views.get((OLGA, "gpus"), lambda: int(unreachable()))
    assert views.get((OLGA, "gpus"), load) == 0
    assert not reads


def test_without_any_reading_the_outage_is_said() -> None:
    with pytest.raises(DatabaseUnavailable):
        SharedViews().get((OLGA, "gpus"), unreachable)


def test_a_refusal_is_no_outage_and_hides_nothing() -> None:
    views = SharedViews()
    views.get((OLGA, "agent"), lambda: "there")
    grown_old(views)

    def gone() -> str:
        raise NotFound

    with pytest.raises(NotFound):
        views.get((OLGA, "agent"), gone)
    assert views.failing_since is None


def test_a_change_is_seen_at_once() -> None:
    views, (reads, load) = SharedViews(), counting()
    views.get((OLGA, "gpus"), load)
    views.forget()
    assert views.get((OLGA, "gpus"), load) == 2
    assert len(reads) == 2
