"""The roster, an agent's performance, and the form."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import NotFound
from helios_core.models import (
    AgentProfile,
    AgentResponse,
    AgentStatus,
    GPUResource,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services import agents
from helios_core.services.team import TEAM, ensure_default_team, place_default_team
from helios_core.services.workspace import Workspace
from helios_core.views.agents import Agent, find_agent, list_agents, performance
from helios_core.views.configurations import card_fits, configuration_form, versions

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def team(database: Database, workspace: Workspace) -> Workspace:
    """The default team on two cards, seen by the operator."""
    system = Workspace(database, SYSTEM)
    system.act(ensure_default_team)
    system.act(
        lambda session: session.add_all(
            GPUResource(uuid=f"GPU-{number}", name="TITAN", host="here", total_memory_mb=24220) for number in range(2)
        )
    )
    workspace.act(place_default_team)
    return workspace


def find(workspace: Workspace, agent_id: str) -> Agent:
    return workspace.read(lambda session: find_agent(session, agent_id))


def delegate(session: Session, agent_id: str, minutes: int, status: TaskDelegationStatus, **figures: object) -> None:
    """A delegation to the agent, that many minutes ago, and with `figures` its answer."""
    at = NOW - timedelta(minutes=minutes)
    delegation = TaskDelegation(
        pm_agent_id="project_manager",
        target_agent_id=agent_id,
        task_description=f"Task of {minutes} minutes ago",
        status=status,
        created_at=at,
        delegated_at=at,
    )
    session.add(delegation)
    session.flush()
    if figures:
        session.add(
            AgentResponse(
                delegation_id=delegation.id, agent_id=agent_id, content="An answer.", created_at=at, **figures
            )
        )


def test_the_roster_shows_the_team_in_its_order_with_models_and_cards(team: Workspace) -> None:
    roster = team.read(list_agents)
    assert tuple(agent.agent_id for agent in roster) == TEAM
    manager = roster[0]
    assert (manager.name, manager.status, manager.task) == ("Project Manager", "idle", None)
    assert (manager.model_name, manager.model_provider) == ("qwen2.5:32b", "ollama")
    assert manager.gpu_id is not None
    assert manager.capabilities[0] == "planning"


def test_the_roster_shows_what_an_agent_works_on_before_what_waits_for_it(team: Workspace) -> None:
    def work(session: Session) -> None:
        delegate(session, "data_analyst", 30, TaskDelegationStatus.IN_PROGRESS)
        delegate(session, "data_analyst", 10, TaskDelegationStatus.PENDING)
        delegate(session, "planning_expert", 10, TaskDelegationStatus.PENDING)
        delegate(session, "socratic_expert", 10, TaskDelegationStatus.COMPLETED)

    team.act(work)
    task = find(team, "data_analyst").task
    assert task is not None
    assert (task.description, task.is_waiting, task.since) == (
        "Task of 30 minutes ago",
        False,
        NOW - timedelta(minutes=30),
    )
    waiting = find(team, "planning_expert").task
    assert waiting is not None
    assert waiting.is_waiting
    assert find(team, "socratic_expert").task is None


def test_a_users_own_profile_says_what_an_agent_does_for_them(team: Workspace, member: Principal) -> None:
    mine = team.on_behalf_of(member)
    mine.act(
        lambda session: session.add(
            AgentProfile(user_id=member.user_id, agent_id="data_analyst", display_name="?", status=AgentStatus.WORKING)
        )
    )
    assert (find(mine, "data_analyst").name, find(mine, "data_analyst").status) == ("Data Analyst", "working")
    assert find(team, "data_analyst").status == "idle"


def test_an_agent_that_is_switched_off_is_offline_whatever_it_did_last(team: Workspace) -> None:
    team.act(lambda session: session.execute(update(AgentProfile).values(status=AgentStatus.WORKING)))
    team.act(lambda session: agents.set_enabled(session, "data_analyst", False))
    agent = find(team, "data_analyst")
    assert (agent.status, agent.status_note, agent.is_enabled) == ("offline", "not enabled", False)


def test_a_users_own_configuration_holds_for_them_alone(team: Workspace, member: Principal) -> None:
    mine = team.on_behalf_of(member)
    mine.act(lambda session: agents.save_configuration(session, "data_analyst", {"priority": 9}, 2))
    assert (find(mine, "data_analyst").priority, find(mine, "data_analyst").is_own) == (9, True)
    assert (find(team, "data_analyst").priority, find(team, "data_analyst").is_own) == (7, False)


def test_what_is_not_there_is_not_found(team: Workspace) -> None:
    with pytest.raises(NotFound, match="no agent nobody"):
        find(team, "nobody")
    with pytest.raises(NotFound, match="no agent nobody"):
        team.read(lambda session: configuration_form(session, "nobody"))


# Performance


def test_without_answers_performance_is_unknown_and_not_zero(team: Workspace) -> None:
    found = team.read(lambda session: performance(session, "data_analyst"))
    assert (found.answers, found.delegations) == ((), {})
    assert found.response_seconds_median is None
    assert found.quality_score_mean is None


def test_performance_summarises_what_was_measured_and_leaves_the_rest_unknown(team: Workspace) -> None:
    def work(session: Session) -> None:
        for minutes, seconds in enumerate([10.0, 20.0, 30.0, 40.0, 500.0]):
            delegate(
                session, "data_analyst", minutes, TaskDelegationStatus.COMPLETED,
                response_seconds=seconds, output_tokens=100, decode_seconds=4.0,
                quality_score=0.8 if minutes < 3 else None,
            )  # fmt: skip
        delegate(session, "data_analyst", 9, TaskDelegationStatus.FAILED)
        delegate(session, "planning_expert", 9, TaskDelegationStatus.FAILED)

    team.act(work)
    found = team.read(lambda session: performance(session, "data_analyst"))
    assert found.delegations == {"completed": 5, "failed": 1}
    assert [answer.response_seconds for answer in found.answers] == [10.0, 20.0, 30.0, 40.0, 500.0]
    assert found.response_seconds_median == 30.0
    assert found.tokens_per_second_median == 25.0
    assert found.quality_score_mean is None, "three scores are too few"


def test_performance_is_of_the_work_that_the_reader_may_see(
    team: Workspace, member: Principal, other_member: Principal
) -> None:
    for principal in (member, other_member):
        team.on_behalf_of(principal).act(
            lambda session: delegate(session, "data_analyst", 1, TaskDelegationStatus.COMPLETED, response_seconds=1.0)
        )
    counted = {
        principal: len(team.on_behalf_of(principal).read(lambda session: performance(session, "data_analyst").answers))
        for principal in (member, team.principal)
    }
    assert counted == {member: 1, team.principal: 2}


# The form


def test_the_form_begins_with_what_holds(team: Workspace) -> None:
    form = team.read(lambda session: configuration_form(session, "data_analyst"))
    assert form.version == 2
    assert form.values["assigned_llm"] == "llama3.1:8b"
    assert (form.saved_by, form.edits_default, form.is_own, form.may_edit) == ("Helios", True, False, True)
    assert "qwen2.5:14b" in form.models["ollama"]
    assert form.models["anthropic"] == ()


def test_versions_say_what_changed_by_whom_and_why(team: Workspace, member: Principal) -> None:
    team.act(lambda session: agents.save_configuration(session, "data_analyst", {"timeout_seconds": 90}, 2, "too slow"))
    listed = team.read(lambda session: versions(session, "data_analyst"))
    assert [(version.version, version.saved_by, version.is_live) for version in listed] == [
        (3, "you", True),
        (2, "Helios", False),
        (1, "Helios", False),
    ]
    assert listed[0].reason == "too slow"
    assert [(change.field, change.before, change.after) for change in listed[0].changes] == [
        ("timeout_seconds", 240, 90)
    ]
    assert {change.field for change in listed[1].changes} >= {"gpu_assignment"}
    assert listed[2].changes == ()
    seen_by_member = team.on_behalf_of(member).read(lambda session: versions(session, "data_analyst"))
    assert seen_by_member[0].saved_by == "somebody else"


def test_a_draft_fits_where_its_memory_is_free_and_shares_loaded_weights(team: Workspace) -> None:
    def fits(memory_mb: int | None, model_name: str = "llama3.1:8b") -> dict[int, tuple[bool | None, str]]:
        found = team.read(
            lambda session: card_fits(
                session,
                "data_analyst",
                provider="ollama",
                model_name=model_name,
                context_tokens=8192,
                memory_mb=memory_mb,
            )
        )
        return {fit.gpu_id: (fit.fits, fit.sentence) for fit in found.cards}

    there = find(team, "data_analyst").gpu_id
    elsewhere = find(team, "project_manager").gpu_id
    assert there is not None
    assert elsewhere is not None
    estimated = fits(None)
    assert estimated[there][0] is True
    assert estimated[there][1].endswith("needs 1.0, shares loaded weights")
    assert estimated[elsewhere] == (
        False,
        f"GPU {elsewhere} has 2.8 of 23.7 GiB free; this agent needs 6.1.",
    )
    unknown = fits(None, "phi4:14b")
    assert unknown[there][0] is None
    assert unknown[there][1].endswith("what this agent needs is unknown.")


def test_a_member_sees_how_much_is_promised_and_not_to_whom(team: Workspace, member: Principal) -> None:
    found = team.on_behalf_of(member).read(
        lambda session: card_fits(
            session, "data_analyst", provider="ollama", model_name="llama3.1:8b", context_tokens=8192, memory_mb=None
        )
    )
    assert all(fit.promised_to_others_mib > 0 for fit in found.cards)
    assert all(not fit.promised_by_model for fit in found.cards)
    assert not any(fit.shares_weights for fit in found.cards)
