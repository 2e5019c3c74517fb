"""Delegations: the board, the Gantt, and one delegation's own page, in a real browser."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from helios_core.ingest.samples import load_samples
from helios_core.models import TaskDelegation, TaskDelegationStatus
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor, choose

pytestmark = pytest.mark.browser


def draw(session: Session) -> None:
    """The usual scene, the samples, a task whose times nobody recorded, and one that was tried twice."""
    scene.draw(session)
    load_samples(session, datetime.now(UTC))
    untimed = {"pm_agent_id": "Orchestrator", "target_agent_id": "WebSurfer", "task_description": "Scroll on"}
    session.add(TaskDelegation(**untimed, status=TaskDelegationStatus.CANCELLED))
    session.flush()


def column(page: Page, status: str) -> str:
    """What the board says of one status."""
    found = page.locator(".column", has=page.locator("h2", has_text=status))
    expect(found).to_be_visible()
    return found.inner_text()


def retried(installation: Installation) -> int:
    """The second attempt at a task of which the first one failed."""
    return installation.workspace.read(
        lambda session: session.scalars(
            select(TaskDelegation.id).where(TaskDelegation.retry_of.is_not(None)).order_by(TaskDelegation.id)
        ).all()[0]
    )


def test_the_board_counts_by_status_and_marks_what_is_stuck(visitor: Visitor) -> None:
    page = visitor.visit("delegations", "Delegations")
    expect(page.locator(".item").first).to_be_visible()
    assert column(page, "in progress").split("\n")[1] == "5"
    assert "none" not in column(page, "failed")
    stuck = page.locator(".item", has_text="Interruption rates by zone")
    expect(stuck).to_contain_text("■ In progress for")
    expect(stuck).to_contain_text("its timeout is 120 s")
    expect(page.locator(".item", has_text="Scroll on")).to_contain_text("no times")


def test_choices_are_in_the_address_and_survive_a_reload(visitor: Visitor) -> None:
    page = visitor.visit("delegations", "Delegations")
    choose(page.get_by_role("combobox", name="Agent"), "Data Analyst")
    page.wait_for_url("**/delegations?*agent=data_analyst*")
    choose(page.get_by_role("combobox", name="Status"), "in progress")
    page.wait_for_url("**/delegations?*status=in_progress*")
    expect(page.locator(".item")).to_have_count(1)
    expect(page.locator(".column")).to_have_count(1)
    page.reload()
    expect(page.locator(".item")).to_have_count(1)
    expect(page.locator(".item")).to_contain_text("Interruption rates by zone")


def test_a_card_opens_the_delegation_and_leads_on_to_its_conversation(visitor: Visitor) -> None:
    page = visitor.visit("delegations", "Delegations")
    page.locator(".item", has_text="Interruption rates by zone").click()
    page.wait_for_url("**/delegations?delegation=*")
    expect(page.locator("h1", has_text="Interruption rates by zone")).to_be_visible()
    expect(page.locator(".figure", has_text="status")).to_contain_text("stuck")
    expect(page.get_by_text("Stuck: In progress for")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Conversation").click()
    page.wait_for_url("**/conversations?conversation=*")


def test_a_delegation_shows_its_attempts_its_time_and_what_came_back(
    visitor: Visitor, installation: Installation
) -> None:
    delegation_id = retried(installation)
    page = visitor.visit(f"delegations?delegation={delegation_id}")
    expect(page.locator(".attempt")).to_have_count(2)
    expect(page.locator(".attempt").first).to_contain_text("failed")
    expect(page.locator(".attempt").first.locator(".error")).not_to_be_empty()
    expect(page.locator(".attempt[aria-current]")).to_contain_text("Attempt 2")
    expect(page.locator(".spent .part", has_text="decode")).to_contain_text("%")
    expect(page.locator(".answer")).to_have_count(1)
    page.locator(".attempt").first.click()
    expect(page.locator(".figure", has_text="status")).to_contain_text("failed")


def test_what_nobody_recorded_is_not_shown_as_zero(visitor: Visitor, installation: Installation) -> None:
    delegation_id = installation.workspace.read(
        lambda session: session.scalars(
            select(TaskDelegation.id).where(TaskDelegation.task_description == "Scroll on")
        ).one()
    )
    page = visitor.visit(f"delegations?delegation={delegation_id}", "Scroll on")
    expect(page.get_by_text("No times were recorded for this delegation.")).to_be_visible()
    expect(page.locator(".figure", has_text="timeout")).to_contain_text("n/a")
    expect(page.locator(".figure", has_text="progress")).to_contain_text("n/a")
    expect(page.locator(".figure", has_text="quality")).to_contain_text("n/a")


def test_the_gantt_draws_what_has_times_and_says_what_has_none(visitor: Visitor) -> None:
    page = visitor.visit("delegations?view=Gantt", "Delegations")
    expect(page.locator(".gantt .lane", has_text="Data Analyst")).to_be_visible()
    expect(page.locator(".gantt .open")).to_have_count(5)
    expect(page.get_by_text("without recorded times: only on the board.")).to_be_visible()
    expect(page.locator(".gantt .tick").first).to_contain_text(":")


def test_progress_shows_by_itself_and_in_the_same_place(visitor: Visitor, installation: Installation) -> None:
    page = visitor.visit("delegations", "Delegations")
    card = page.locator(".item", has_text="Price history of 90 days")
    card.evaluate("node => { node.heliosMark = 'the same'; }")

    def progress(session: Session) -> None:
        session.execute(
            update(TaskDelegation)
            .where(TaskDelegation.task_description == "Price history of 90 days")
            .values(progress_percent=77)
        )

    installation.act(progress)
    expect(card.locator(".done")).to_have_attribute("style", "width: 77%;", timeout=10_000)
    assert card.evaluate("node => node.heliosMark") == "the same"


def test_an_empty_board_says_what_to_do_next(visitor: Visitor) -> None:
    page = visitor.visit("delegations?agent=nobody_at_all", "Delegations")
    expect(page.get_by_text("No delegation matches.")).to_be_visible()


def test_a_delegation_that_is_not_there_is_said_not_to_be(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.address}/delegations?delegation=987654")
    expect(visitor.page.get_by_text("There is no delegation 987654")).to_be_visible()
