"""The default team: complete, careful, placed within the cards, and never overwritten."""

from itertools import combinations

import pytest
from sqlalchemy import func, select

from helios_core.database.session import SYSTEM, Database
from helios_core.models import AgentConfiguration, AgentProfile, GPUAllocation, GPUResource
from helios_core.services import agents
from helios_core.services.team import TEAM, default_team, ensure_default_team, place_default_team
from helios_core.services.workspace import Workspace


@pytest.fixture
def system(database: Database) -> Workspace:
    """Helios itself, as `helios up` seeds."""
    return Workspace(database, SYSTEM)


def add_cards(workspace: Workspace, *total_memory_mb: int, **columns: object) -> None:
    """Cards of these sizes, 256 MiB of each kept by the driver."""
    workspace.act(
        lambda session: session.add_all(
            GPUResource(
                uuid=f"GPU-{number}",
                name="TITAN",
                host="here",
                total_memory_mb=total,
                reserved_memory_mb=256,
                **columns,
            )
            for number, total in enumerate(total_memory_mb)
        )
    )


def configurations(workspace: Workspace) -> dict[str, AgentConfiguration]:
    found = workspace.read(lambda session: session.scalars(select(AgentConfiguration)).all())
    return {configuration.agent_id: configuration for configuration in found}


def promised_mib(workspace: Workspace) -> dict[int, int]:
    """What is promised of each card."""
    live = (
        select(GPUAllocation.gpu_id, func.sum(GPUAllocation.allocated_memory_mb).label("promised"))
        .where(GPUAllocation.released_at.is_(None))
        .group_by(GPUAllocation.gpu_id)
    )
    return {row.gpu_id: row.promised for row in workspace.read(lambda session: session.execute(live).all())}


def test_the_team_is_added_once(system: Workspace) -> None:
    assert system.act(ensure_default_team) == TEAM
    assert system.act(ensure_default_team) == ()
    profiles = system.read(lambda session: session.scalars(select(AgentProfile)).all())
    assert {profile.agent_id for profile in profiles} == set(TEAM)
    assert all(profile.capabilities and profile.description for profile in profiles)


def test_without_a_card_agents_have_an_estimate_and_no_gpu(system: Workspace) -> None:
    system.act(ensure_default_team)
    assert system.act(place_default_team) == ()
    found = configurations(system)
    assert {configuration.gpu_assignment for configuration in found.values()} == {None}
    assert found["project_manager"].allocated_memory_mb == 10504


def test_three_cards_hold_the_whole_team(system: Workspace) -> None:
    system.act(ensure_default_team)
    add_cards(system, 12288, 12288, 12288)
    assert set(system.act(place_default_team)) == set(TEAM)
    assert system.act(place_default_team) == ()
    promised = promised_mib(system)
    assert len(promised) == 3
    assert all(total <= 12288 - 256 for total in promised.values())
    assert len({configuration.assigned_llm for configuration in configurations(system).values()}) == 3


def test_a_placement_is_a_version_that_nobody_signed(system: Workspace) -> None:
    system.act(ensure_default_team)
    add_cards(system, 81559)
    system.act(place_default_team)
    assert {configuration.version for configuration in configurations(system).values()} == {2}


def test_edits_outlive_the_next_start(system: Workspace, workspace: Workspace) -> None:
    system.act(ensure_default_team)
    workspace.act(lambda session: agents.save_configuration(session, "data_analyst", {"system_prompt": "Count."}, 1))
    add_cards(system, 24220, 24220)
    system.act(ensure_default_team)
    assert "data_analyst" not in system.act(place_default_team)
    assert configurations(system)["data_analyst"].system_prompt == "Count."
    assert configurations(system)["data_analyst"].gpu_assignment is None


def test_a_card_that_somebody_else_fills_is_left_alone(system: Workspace) -> None:
    system.act(ensure_default_team)
    add_cards(system, 24220, current_memory_used_mb=23000)
    assert system.act(place_default_team) == ()


def test_a_lost_card_gets_nobody(system: Workspace) -> None:
    system.act(ensure_default_team)
    add_cards(system, 24220, health="lost")
    assert system.act(place_default_team) == ()


def test_each_expert_knows_how_it_is_addressed() -> None:
    for member in default_team():
        if member.agent_id != "project_manager":
            assert f"@[{member.display_name}]" in member.system_prompt
        assert 1500 < len(member.system_prompt) < 8000
        assert "{" not in member.system_prompt


def test_no_two_agents_have_the_same_task() -> None:
    for one, other in combinations(default_team(), 2):
        assert one.display_name != other.display_name
        assert one.description != other.description
        assert set(one.capabilities) != set(other.capabilities)
