"""Users' own configurations beside the default: field by field, they follow it until they differ."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import select

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import EditConflict, HeliosError, NotFound
from helios_core.models import AgentConfiguration, AgentConfigurationVersion, AuditEvent, GPUAllocation, GPUResource
from helios_core.services import agents
from helios_core.services.workspace import Workspace
from helios_core.views.configurations import HeldConfiguration, configuration_form, held_configuration

VALUES = {
    "model_provider": "ollama",
    "assigned_llm": "llama3.1:8b",
    "system_prompt": "You test.",
    "allocated_memory_mb": 6000,
}


@pytest.fixture
def cards(database: Database) -> list[int]:
    """Two cards of 12,212 MiB."""
    with database.session(SYSTEM) as session:
        found = [GPUResource(uuid=f"GPU-{n}", name="TITAN", host="here", total_memory_mb=12212) for n in range(2)]
        session.add_all(found)
        session.commit()
        return [card.id for card in found]


@pytest.fixture
def mine(workspace: Workspace, member: Principal) -> Workspace:
    """A member beside an operator's agent."""
    workspace.act(lambda session: agents.create_agent(session, "tester", "Tester", VALUES))
    return workspace.on_behalf_of(member)


def held(workspace: Workspace) -> HeldConfiguration:
    return workspace.read(lambda session: held_configuration(session, "tester"))


def save(workspace: Workspace, **changes: object) -> None:
    version = held(workspace).version
    workspace.act(lambda session: agents.save_configuration(session, "tester", changes, version))


def own_fields(workspace: Workspace) -> set[str]:
    return {field for field, source in held(workspace).sources.items() if source == "own"}


def promised(workspace: Workspace) -> dict[int, int]:
    """The MiB that are promised on each card."""
    live = select(GPUAllocation.gpu_id, GPUAllocation.allocated_memory_mb).where(GPUAllocation.released_at.is_(None))
    return dict(workspace.read(lambda session: session.execute(live).all()))


def test_a_user_holds_their_own_fields_over_the_defaults_and_sees_which_is_which(
    workspace: Workspace, mine: Workspace
) -> None:
    assert own_fields(mine) == set()
    save(mine, priority=9, temperature=0.5)
    assert own_fields(mine) == {"priority", "temperature"}
    assert own_fields(workspace) == set()
    form = mine.read(lambda session: configuration_form(session, "tester"))
    assert (form.values["priority"], form.sources["priority"], form.sources["timeout_seconds"]) == (9, "own", "default")


def test_a_field_that_is_the_defaults_follows_it_and_one_that_is_not_stays(
    workspace: Workspace, mine: Workspace, member: Principal
) -> None:
    save(mine, priority=9)
    save(workspace, priority=3, timeout_seconds=90)
    assert (held(mine).values["priority"], held(mine).values["timeout_seconds"]) == (9, 90)
    assert own_fields(mine) == {"priority"}
    newest = (
        select(AgentConfigurationVersion)
        .where(AgentConfigurationVersion.user_id == member.user_id)
        .order_by(AgentConfigurationVersion.version.desc())
        .limit(1)
    )
    version = mine.read(lambda session: session.scalars(newest).one())
    assert (version.version, version.reason) == (3, "follows version 2 of the default")
    event = mine.read(lambda session: session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first())
    assert event is not None
    assert (event.actor_id, event.after) == (
        workspace.principal.user_id,
        {"agent_id": "tester", "timeout_seconds": 90, "version": 3},
    )


def test_who_had_the_form_open_is_told_when_the_default_moved_underneath(workspace: Workspace, mine: Workspace) -> None:
    save(mine, priority=9)
    save(workspace, timeout_seconds=90)
    with pytest.raises(EditConflict, match=r"Changed since: Timeout \(s\)"):
        mine.act(lambda session: agents.save_configuration(session, "tester", {"priority": 8}, 2))


def test_the_defaults_promise_serves_a_user_who_needs_nothing_else(
    workspace: Workspace, mine: Workspace, cards: list[int]
) -> None:
    save(workspace, gpu_assignment=cards[0])
    save(mine, priority=9)
    save(mine, context_tokens=2048)
    assert (promised(mine), len(promised(workspace))) == ({cards[0]: 6000}, 1)
    save(mine, context_tokens=None)
    assert promised(mine) == {}
    save(workspace, gpu_assignment=cards[1])
    assert (promised(mine), promised(workspace)) == ({}, {cards[1]: 6000})
    save(workspace, is_enabled=False)
    assert promised(workspace) == {}
    assert held(mine).values["is_enabled"] is False


def test_a_users_own_promise_moves_along_with_the_default(
    workspace: Workspace, mine: Workspace, cards: list[int]
) -> None:
    save(workspace, gpu_assignment=cards[0])
    save(mine, context_tokens=2048)
    save(workspace, gpu_assignment=cards[1])
    assert promised(mine) == {cards[1]: 6000}
    assert own_fields(mine) == {"context_tokens"}


def test_where_the_default_goes_and_no_room_is_left_a_users_own_stays_where_it_is(
    workspace: Workspace, mine: Workspace, cards: list[int]
) -> None:
    save(workspace, gpu_assignment=cards[0])
    save(mine, context_tokens=2048)
    other = {**VALUES, "assigned_llm": "qwen2.5:7b", "gpu_assignment": cards[1]}
    workspace.act(lambda session: agents.create_agent(session, "other", "Other", other))
    save(workspace, gpu_assignment=cards[1], timeout_seconds=90)
    assert promised(mine) == {cards[0]: 6000}
    assert (held(mine).values["timeout_seconds"], own_fields(mine)) == (90, {"context_tokens", "gpu_assignment"})


def test_a_user_returns_to_the_default(workspace: Workspace, mine: Workspace, cards: list[int]) -> None:
    save(mine, gpu_assignment=cards[0])
    with pytest.raises(EditConflict):
        mine.act(lambda session: agents.return_to_default(session, "tester", 1))
    mine.act(lambda session: agents.return_to_default(session, "tester", 2, "good as it was"))
    assert (held(mine).version, own_fields(mine), promised(mine)) == (1, set(), {})
    events = mine.read(lambda session: session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all())
    assert [(event.action, event.subject, event.reason) for event in events[-2:]] == [
        ("released", "gpu_allocations", "returned to the default"),
        ("removed", "agent_configurations", "good as it was"),
    ]
    for whose in (mine, workspace):
        with pytest.raises(NotFound, match="of your own; the default holds"):
            whose.act(lambda session: agents.return_to_default(session, "tester", 1))


def test_saves_of_the_default_and_of_users_at_once_all_end_and_agree(
    workspace: Workspace, mine: Workspace, other_member: Principal, cards: list[int]
) -> None:
    theirs = workspace.on_behalf_of(other_member)
    save(mine, priority=9)
    save(theirs, priority=8)

    def attempt(number: int) -> str:
        whose = (workspace, mine, theirs)[number % 3]
        changes = {"gpu_assignment": cards[number % 2], "timeout_seconds": 60 + number}
        try:
            version = held(whose).version
            whose.act(partial(agents.save_configuration, agent_id="tester", changes=changes, expected_version=version))
        except HeliosError as error:
            return type(error).__name__
        return "saved"

    with ThreadPoolExecutor(6) as pool:
        outcomes = set(pool.map(attempt, range(24)))
    assert "saved" in outcomes
    assert outcomes <= {"saved", "EditConflict", "InvalidInput"}
    rows = workspace.read(lambda session: session.scalars(select(AgentConfiguration)).all())
    newest = select(AgentConfigurationVersion.configuration_id, AgentConfigurationVersion.version)
    kept = workspace.read(lambda session: set(map(tuple, session.execute(newest).all())))
    assert {(row.id, row.version) for row in rows} <= kept
    assert all(mib <= 12212 for mib in promised(workspace).values())
