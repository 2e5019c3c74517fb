"""Settings: the state of the installation, and samples that a click removes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.models import MultiAgentConversation
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser


def draw(session: Session) -> None:
    """The usual scene, and two samples."""
    scene.draw(session)
    for title in ("A first sample", "A second sample"):
        session.add(MultiAgentConversation(title=title, source="sample", outcome="completed"))


def sample_count(session: Session) -> int:
    return session.scalars(
        select(func.count()).select_from(MultiAgentConversation).where(MultiAgentConversation.source == "sample")
    ).one()


def test_it_shows_the_state_of_database_collector_cards_and_disk(visitor: Visitor) -> None:
    page = visitor.visit("settings", "Settings")
    for label, value in {
        "Database": "PostgreSQL",
        "Collector workstation": "read",
        "Cards": "3 of them simulated",
        "Disk": "free of",
        "Model servers": "none configured",
        "Single samples": "2 d",
    }.items():
        expect(page.locator(".fact", has_text=label).first).to_contain_text(value)


def test_samples_go_by_a_click_and_a_confirmation(installation: Installation, window: Callable[..., Visitor]) -> None:
    page = window().visit("settings", "Settings")
    expect(page.get_by_text("2 sample conversations came with Helios")).to_be_visible()
    page.get_by_role("button", name="Remove samples").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert installation.workspace.read(sample_count) == 2
    page.get_by_role("button", name="Remove samples").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No sample conversations are left.")).to_be_visible()
    assert installation.workspace.read(sample_count) == 0
