"""Clicks while the browser hears late of what the server has drawn, as it does on a busy machine: none is lost."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from sqlalchemy import select

from helios_core.models import MultiAgentConversation, PlacementPlan
from tests.browser.conftest import Installation, Visitor
from tests.browser.test_placement import cell, surface
from tests.browser.test_placement import draw as draw_placement

pytestmark = pytest.mark.browser

draw = draw_placement
LATE_MS = 2500
"""Longer than two refreshes, which the browser asks for in the meantime."""


class Line:
    """What the server tells a page: at once, or kept back for a while."""

    def __init__(self, page: Page) -> None:
        self._kept: list[Callable[[], None]] | None = None
        page.route_web_socket("**/_stcore/stream", self._carry)

    def _carry(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        browser.on_message(server.send)
        server.on_message(lambda message: self._tell(lambda: browser.send(message)))

    def _tell(self, tell: Callable[[], None]) -> None:
        if self._kept is None:
            tell()
        else:
            self._kept.append(tell)

    def hold(self) -> None:
        """Keep back what the server says from now on."""
        self._kept = []

    def release(self) -> None:
        """Tell all of it, in its order, and everything else at once."""
        kept, self._kept = self._kept or [], None
        for tell in kept:
            tell()


@pytest.fixture
def visitor(window: Callable[..., Visitor]) -> Iterator[Visitor]:
    """Somebody before a window whose line is cut for good, and which nobody uses again."""
    visitor = window()
    yield visitor
    visitor.page.close()


def test_a_page_that_was_opened_stays_however_late_the_browser_hears_of_it(
    visitor: Visitor, installation: Installation
) -> None:
    line = Line(visitor.page)
    talk = installation.workspace.read(
        lambda session: session.scalars(
            select(MultiAgentConversation).where(MultiAgentConversation.title.startswith("Which database"))
        ).one()
    )
    page = visitor.visit(f"conversations?conversation={talk.id}", talk.title)
    line.hold()
    page.get_by_role("button", name="Who contributed what, and how good it is").dblclick()
    page.wait_for_timeout(LATE_MS)
    line.release()
    expect(page.locator(".attributed .passage").first).to_be_visible()
    page.wait_for_timeout(LATE_MS)
    expect(page.locator(".attributed .passage").first).to_be_visible()
    assert f"synthesis?conversation={talk.id}" in page.url


def test_a_click_counts_where_the_page_was_drawn_anew_just_before_it(
    visitor: Visitor, installation: Installation
) -> None:
    line = Line(visitor.page)
    page = visitor.visit("placement", "Placement")
    cell(page, "Output Formatter", "on GPU 3").click()
    page.get_by_role("button", name="Apply 1 move").click()
    expect(page.get_by_text("No draft: this is how it is")).to_be_visible()
    cell(page, "Wellbeing Coach", "on GPU 3").click()
    expect(page.get_by_text("Draft: 1 move")).to_be_visible()
    undo = page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_visible()
    line.hold()
    page.get_by_role("button", name="Discard draft").click()
    page.wait_for_timeout(LATE_MS)
    undo.click()
    page.wait_for_timeout(LATE_MS)
    line.release()
    expect(surface(page, "plans").get_by_text("was undone").first).to_be_visible()
    plan = installation.workspace.read(lambda session: session.scalars(select(PlacementPlan)).one())
    assert plan.status == "undone"
