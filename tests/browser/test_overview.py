"""The overview: what needs the reader, what the team does, and that it stays alive without a flicker."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from helios_core.models import AgentProfile, AgentStatus, Collector, GPUEvent, GPUResource, TaskDelegation
from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser


def test_it_says_what_needs_the_reader_with_the_worst_first(visitor: Visitor) -> None:
    page = visitor.visit("", "Overview")
    needs = page.locator(".need")
    expect(needs.first).to_contain_text("critical")
    expect(needs.first).to_contain_text("GPU 2")
    expect(page.locator(".need", has_text="The delegation to Data Analyst is stuck")).to_be_visible()
    expect(page.locator(".need", has_text="Agreement of only 0.38")).to_contain_text("Which database")


def test_a_need_leads_to_the_page_where_something_can_be_done(visitor: Visitor) -> None:
    page = visitor.visit("", "Overview")
    page.locator(".need", has_text="GPU 2").click()
    page.wait_for_url("**/gpus?*gpu=2*")
    expect(page.locator("h1", has_text="GPUs")).to_be_visible()


def test_it_shows_the_team_and_what_is_under_way(visitor: Visitor) -> None:
    page = visitor.visit("", "Overview")
    expect(page.get_by_text("12 agents · 5 working · 1 overloaded · 1 error")).to_be_visible()
    expect(page.locator(".agent")).to_have_count(12)
    expect(page.locator(".delegation", has_text="Cost model, 3 scenarios")).to_be_visible()
    expect(page.locator(".delegation", has_text="Data Analyst")).to_contain_text("stuck")


def test_cards_and_their_simulation_are_shown(visitor: Visitor) -> None:
    page = visitor.visit("", "Overview")
    expect(page.locator("a.row")).to_have_count(3)
    expect(page.locator("a.row", has_text="GPU 0")).to_contain_text("8.1")
    expect(page.get_by_text("simulated cards")).to_be_visible()


def test_a_change_in_the_database_shows_by_itself_and_in_the_same_place(
    installation: Installation, visitor: Visitor
) -> None:
    page = visitor.visit("", "Overview")
    row = page.locator(".delegation", has_text="Cost model")
    row.evaluate("node => { node.heliosMark = 'the same'; }")

    def progress(session: Session) -> None:
        session.execute(
            update(TaskDelegation)
            .where(TaskDelegation.target_agent_id == "business_analyst", TaskDelegation.progress_percent == 55)
            .values(progress_percent=90)
        )

    installation.act(progress)
    expect(row.locator(".done")).to_have_attribute("style", "width: 90%;")
    assert row.evaluate("node => node.heliosMark") == "the same"


def test_a_viewer_may_stop_the_refresh_and_the_address_says_so(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("?refresh=off", "Overview")
    agent = page.locator(".agent", has_text="Creative Director")
    expect(agent).to_contain_text("idle")

    def wake(session: Session) -> None:
        session.execute(
            update(AgentProfile)
            .where(AgentProfile.agent_id == "creative_director")
            .values(status=AgentStatus.WORKING, status_note="Draws a poster")
        )

    installation.act(wake)
    page.wait_for_timeout(3000)
    expect(agent).to_contain_text("idle")
    page.reload()
    expect(page.locator(".agent", has_text="Creative Director")).to_contain_text("Draws a poster")


def test_the_range_is_kept_in_the_address(visitor: Visitor) -> None:
    page = visitor.visit("", "Overview")
    page.get_by_role("radio", name="24 h").or_(page.get_by_role("button", name="24 h")).first.click()
    page.wait_for_url("**range=*")
    page.reload()
    assert "range=" in page.url
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Overview").click()
    expect(page.locator("h1", has_text="Overview")).to_be_visible()


def test_a_quiet_installation_says_so(installation: Installation, window: Callable[..., Visitor]) -> None:
    def calm(session: Session) -> None:
        now = datetime.now(UTC)
        session.execute(update(GPUResource).values(health="ok", health_message=None))
        session.execute(update(Collector).values(last_success_at=now + timedelta(minutes=5)))
        session.execute(delete(GPUEvent))
        session.execute(delete(TaskDelegation))
        session.execute(update(AgentProfile).values(status=AgentStatus.ONLINE))

    installation.act(calm)
    page = window().visit("", "Overview")
    expect(page.get_by_text("No delegation is under way.")).to_be_visible()
    expect(page.locator(".need", has_text="critical")).to_have_count(0)
