"""What just happened, newest first, whoever did it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from helios_core.models import AgentConfigurationVersion, GPUEvent, MultiAgentConversation
from helios_core.services.agents import save_configuration
from helios_core.services.workspace import Workspace
from helios_core.views.events import events
from tests.browser import scene


@pytest.fixture
def at_work(workspace: Workspace) -> Workspace:
    """An installation at work."""
    workspace.act(scene.draw)
    return workspace


def test_the_newest_comes_first(at_work: Workspace) -> None:
    times = [event.at for event in at_work.read(events)]
    assert times == sorted(times, reverse=True)
    assert len(times) == 8


def test_cards_delegations_and_conversations_lead_to_their_pages(at_work: Workspace) -> None:
    told = {event.what: event for event in at_work.read(lambda session: events(session, limit=30))}
    card = told["slows itself down: software thermal slowdown"]
    assert (card.who, card.severity, card.page, card.selection) == ("GPU 2", "critical", "gpus", (("gpu", "2"),))
    asked = told["asked Data Analyst: Interruption rates by zone"]
    assert (asked.who, asked.severity, asked.page) == ("Project Manager", None, "delegations")
    assert told["took up “Should we move our nightly batch jobs to spot instances?”"].page == "conversations"


def test_an_import_is_one_event_and_what_it_tells_of_is_none(at_work: Workspace) -> None:
    def bring_in(session: Session) -> None:
        session.add(MultiAgentConversation(title="From a file", source="import", outcome="completed"))

    at_work.act(bring_in)
    newest = at_work.read(events)[0]
    assert (newest.who, newest.what) == ("Helios", "imported “From a file”")


def test_a_persons_change_names_the_person_and_the_reason(at_work: Workspace) -> None:
    def edit(session: Session) -> None:
        version = session.query(AgentConfigurationVersion.version).filter_by(agent_id="data_analyst")
        newest = max(number for (number,) in version)
        save_configuration(session, "data_analyst", {"timeout_seconds": 77}, newest, reason="slow tables")

    at_work.act(edit)
    newest = at_work.read(events)[0]
    assert newest.who == "olga"
    assert newest.what.endswith("of Data Analyst: slow tables")
    assert newest.selection == (("agent", "data_analyst"),)


def test_what_helios_set_up_itself_is_no_news(at_work: Workspace) -> None:
    assert not [event for event in at_work.read(lambda session: events(session, 100)) if event.page == "agents"]


def test_events_of_one_moment_keep_their_order(at_work: Workspace) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)

    def twice(session: Session) -> None:
        session.add_all(GPUEvent(gpu_id=0, severity="ok", message="fine", occurred_at=moment) for _ in range(2))

    at_work.act(twice)
    first, second = (at_work.read(events)[:2] for _ in range(2))
    assert [event.key for event in first] == [event.key for event in second]
