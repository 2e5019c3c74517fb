"""Alerts: everything that needs somebody now, and what did."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy.orm import Session

from helios_core.models import GPUEvent, GPUTrouble
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor, choose

pytestmark = pytest.mark.browser


def draw(session: Session) -> None:
    """The usual scene, a trouble that is over, and one long ago."""
    scene.draw(session)
    now = datetime.now(UTC)
    for days, detail in ((1, "84 °C for 3 min."), (20, "85 °C for 9 min.")):
        at = now - timedelta(days=days, hours=1)
        session.add(GPUTrouble(gpu_id=0, kind="hot", detail=detail, began_at=at, seen_at=at + timedelta(minutes=3),
                               ended_at=at + timedelta(minutes=8)))  # fmt: skip


def test_it_lists_what_is_wrong_now_and_leads_there(visitor: Visitor) -> None:
    page = visitor.visit("alerts", "Alerts")
    expect(page.get_by_text("The delegation to Data Analyst is stuck")).to_be_visible()
    expect(page.get_by_text("1 critical")).to_be_visible()
    page.locator("a", has_text="It slows itself down").first.click()
    expect(page.locator("h1")).to_have_text("GPUs")
    assert "gpu=2" in page.url


def test_it_keeps_what_was_wrong_and_narrows_it_by_the_url(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("alerts", "Alerts")
    rows = page.locator("a.alert")
    expect(rows.filter(has_text="GPU 0 was too hot")).to_have_count(2)
    expect(rows.filter(has_text="84 °C")).to_contain_text("for 8 m")
    page = visitor.visit("alerts?since=7d", "Alerts")
    expect(rows.filter(has_text="GPU 0 was too hot")).to_have_count(1)
    choose(page.get_by_label("Severity"), "critical")
    expect(rows.filter(has_text="GPU 0 was too hot")).to_have_count(0)
    expect(rows.filter(has_text="software thermal slowdown")).to_have_count(1)
    assert "severity=critical" in page.url
    installation.act(lambda session: session.execute(delete(GPUEvent)))
    expect(page.get_by_text("Nothing was wrong in this time.")).to_be_visible()


def test_who_has_seen_one_says_so(visitor: Visitor) -> None:
    page = visitor.visit("alerts", "Alerts")
    page.get_by_label("Note").fill("fan was blocked")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Acknowledge").click()
    expect(page.locator("a.alert", has_text="✓ you")).to_have_count(1)
    expect(page.locator("a.alert", has_text="fan was blocked")).to_have_count(1)
    expect(page.get_by_label("Note")).to_have_value("")
