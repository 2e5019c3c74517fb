"""The state of the installation, as far as the database and the disk tell it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from helios_core.database.session import Principal
from helios_core.models import Collector, GPUResource, MultiAgentConversation
from helios_core.services.workspace import Workspace
from helios_core.views.settings import DiskState, database_state, disk_state, health, list_users, sample_count
from tests.browser import scene

GIB = 2**30


@pytest.fixture
def at_work(workspace: Workspace) -> Workspace:
    """An installation at work."""
    workspace.act(scene.draw)
    return workspace


def test_an_installation_without_a_collector_is_degraded(workspace: Workspace) -> None:
    state = workspace.read(health)
    assert (state.status, state.collectors, state.gpu_count) == ("degraded", (), 0)


@pytest.mark.parametrize(
    ("silent_seconds", "message", "is_simulated", "status"),
    [
        (1, None, False, "ok"),
        (1, "No driver answers.", False, "warning"),
        (1, "No driver is installed. These GPUs are simulated.", True, "ok"),
        (60, None, False, "stale"),
    ],
)
def test_a_collector_is_well_only_while_it_reads_and_complains_of_nothing(
    at_work: Workspace, silent_seconds: float, message: str | None, is_simulated: bool, status: str
) -> None:
    last = datetime.now(UTC) - timedelta(seconds=silent_seconds)
    at_work.act(
        lambda s: s.execute(update(Collector).values(last_success_at=last, message=message, is_simulated=is_simulated))
    )
    state = at_work.read(health)
    assert [collector.status for collector in state.collectors] == [status]
    assert state.status == ("ok" if status == "ok" else "degraded")


def test_cards_that_were_switched_off_do_not_count(at_work: Workspace) -> None:
    assert at_work.read(health).simulated_gpu_count == 3
    at_work.act(lambda s: s.execute(update(GPUResource).where(GPUResource.id == 1).values(is_enabled=False)))
    assert (at_work.read(health).gpu_count, at_work.read(health).simulated_gpu_count) == (2, 2)


def test_the_database_tells_its_version_size_and_largest_tables(at_work: Workspace) -> None:
    state = at_work.read(database_state)
    assert int(state.version.split(".")[0].split()[0]) >= 15
    assert state.size_bytes > 1_000_000
    sizes = dict(state.largest_tables)
    assert "gpu_samples" in sizes
    assert not any(name.startswith("gpu_samples_") for name in sizes)
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)


def test_users_are_listed_by_name(workspace: Workspace, member: Principal, other_member: Principal) -> None:
    assert {member.user_id, other_member.user_id} <= {user.id for user in workspace.read(list_users)}
    names = [user.username for user in workspace.read(list_users)]
    assert names == sorted(names)


def test_only_the_readers_own_samples_count(workspace: Workspace, member: Principal) -> None:
    def add(session: Session) -> None:
        session.add(MultiAgentConversation(title="A sample", source="sample"))

    workspace.act(add)
    workspace.on_behalf_of(member).act(add)
    assert workspace.read(sample_count) == 1


def test_the_disk_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    here, there = disk_state(tmp_path), disk_state(tmp_path / "not" / "yet")
    assert here is not None
    assert there is not None
    assert here.total_bytes == there.total_bytes
    assert there.folder.endswith("not/yet")


@pytest.mark.parametrize(
    ("free_gib", "status"), [(100.0, "ok"), (1.5, "warning"), (0.4, "critical")]
)  # fmt: skip
def test_a_disk_that_fills_up_is_said_in_time(free_gib: float, status: str) -> None:
    assert DiskState("/data", 200 * GIB, int(free_gib * GIB)).status == status
