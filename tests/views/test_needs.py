"""What needs the reader: only what is wrong, the worst first."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from helios_core.models import (
    Collector,
    ConversationRun,
    GPUAllocation,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
)
from helios_core.models import TaskSynthesis as Synthesis
from helios_core.services.runs import start_conversation
from helios_core.services.workers import enlist
from helios_core.services.workspace import Workspace
from helios_core.views.needs import Need, needs
from tests.browser import scene

HOUR = timedelta(hours=1)


@pytest.fixture
def at_work(workspace: Workspace) -> Workspace:
    """An installation where things have gone wrong."""
    workspace.act(scene.draw)
    return workspace


def found(workspace: Workspace, title: str) -> list[Need]:
    """The needs whose title begins so."""
    return [need for need in workspace.read(needs) if need.title.startswith(title)]


def test_the_worst_comes_first(at_work: Workspace) -> None:
    assert [need.severity for need in at_work.read(needs)] == ["critical", "warning", "review"]


def test_an_ailing_card_says_since_when_and_whom_it_concerns(at_work: Workspace) -> None:
    def give_it_an_agent(session: Session) -> None:
        session.add(GPUAllocation(gpu_id=2, agent_id="data_analyst", allocated_memory_mb=1024))

    at_work.act(give_it_an_agent)
    (need,) = found(at_work, "GPU 2")
    assert need.title == "GPU 2 – It slows itself down at 88 °C"
    assert need.detail == "for 4 min · 1 agent affected"
    assert (need.action, need.page, need.selection) == ("Plan a move", "placement", (("without", "2"),))


def test_an_ailing_card_without_agents_has_nobody_to_move(at_work: Workspace) -> None:
    (need,) = found(at_work, "GPU 2")
    assert (need.action, need.page, need.selection) == ("Open", "gpus", (("gpu", "2"),))


def test_a_card_that_was_switched_off_needs_nobody(at_work: Workspace) -> None:
    at_work.act(lambda session: session.execute(update(GPUResource).values(is_enabled=False)))
    assert found(at_work, "GPU 2") == []


@pytest.mark.parametrize(
    ("silent_for", "title"),
    [
        (timedelta(seconds=3), None),
        (timedelta(minutes=2, seconds=5), "The collector of workstation has been silent for 2 min"),
        (None, "The collector of workstation has not read a card yet"),
    ],
)
def test_a_silent_collector_is_named(at_work: Workspace, silent_for: timedelta | None, title: str | None) -> None:
    last = None if silent_for is None else datetime.now(UTC) - silent_for
    at_work.act(lambda session: session.execute(update(Collector).values(last_success_at=last)))
    assert [need.title for need in found(at_work, "The collector")] == ([title] if title else [])


def test_a_collector_that_reports_a_problem_is_named_with_it(at_work: Workspace) -> None:
    told = {"last_success_at": datetime.now(UTC), "message": "No NVIDIA driver answers.", "is_simulated": False}
    at_work.act(lambda session: session.execute(update(Collector).values(told)))
    (need,) = found(at_work, "The collector")
    assert need.detail == "No NVIDIA driver answers."


def test_an_installation_that_nobody_reads_says_so(workspace: Workspace) -> None:
    assert [need.title for need in workspace.read(needs)] == ["Nobody reads the cards"]


def test_a_stuck_delegation_is_named_with_its_reason(at_work: Workspace) -> None:
    (need,) = found(at_work, "The delegation to Data Analyst is stuck")
    assert need.detail.endswith("its timeout is 120 s. · attempt 2")
    assert need.page == "delegations"


def test_low_agreement_wants_a_reader_for_a_week(at_work: Workspace) -> None:
    (need,) = found(at_work, "Agreement of only 0.38, 2.6 independent votes")
    assert need.detail == "“Which database for the event store?”"
    at_work.act(lambda session: session.execute(update(Synthesis).values(created_at=datetime.now(UTC) - 8 * 24 * HOUR)))
    assert found(at_work, "Agreement") == []


def test_of_a_conversation_only_the_last_synthesis_counts(at_work: Workspace) -> None:
    def send_back(session: Session) -> None:
        first = session.scalars(select(Synthesis).where(Synthesis.consensus_score < 0.5)).one()
        again = {"content": "PostgreSQL.", "synthesizer_agent_id": "project_manager"}
        session.add(Synthesis(conversation_id=first.conversation_id, consensus_score=0.41, **again))

    at_work.act(send_back)
    (need,) = found(at_work, "Agreement")
    assert need.title == "Agreement of only 0.41"
    at_work.act(
        lambda session: session.execute(
            update(Synthesis).where(Synthesis.consensus_score == 0.41).values(consensus_score=0.9)
        )
    )
    assert found(at_work, "Agreement") == []


def test_where_all_is_well_there_is_nothing(at_work: Workspace) -> None:
    def calm(session: Session) -> None:
        session.execute(update(GPUResource).values(health="ok"))
        session.execute(update(Collector).values(last_success_at=datetime.now(UTC)))
        session.execute(delete(TaskDelegation))
        session.execute(delete(MultiAgentConversation))

    at_work.act(calm)
    assert at_work.read(needs) == ()


def test_a_member_is_not_told_of_what_others_do(at_work: Workspace, member: object) -> None:
    seen = at_work.on_behalf_of(member).read(needs)  # type: ignore[arg-type]
    assert {need.page for need in seen} <= {"gpus", "settings"}


def test_a_conversation_that_nobody_takes_up_needs_a_worker(workspace: Workspace) -> None:
    workspace.act(lambda session: start_conversation(session, "Why?"))
    assert found(workspace, "A conversation waits") == []

    def wait_a_minute(session: Session) -> None:
        session.execute(update(ConversationRun).values(requested_at=func.now() - timedelta(seconds=65)))

    workspace.act(wait_a_minute)
    (need,) = found(workspace, "A conversation waits")
    assert (need.severity, need.page) == ("critical", "conversations")
    assert "Asked 1 min ago" in need.detail
    workspace.act(lambda session: enlist(session, capacity=1))
    assert found(workspace, "A conversation waits") == []
