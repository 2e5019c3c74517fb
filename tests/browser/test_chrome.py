"""What every page has around it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))


def test_the_viewer_chooses_light_or_dark_and_it_stays_chosen(visitor: Visitor) -> None:
    page = visitor.visit("settings", "Settings")
    light = background(page)
    page.get_by_role("button", name="Main menu").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    page.keyboard.press("Escape")
    page.wait_for_function(
        "light => getComputedStyle(document.querySelector('.stApp')).backgroundColor !== light", arg=light
    )
    dark = background(page)
    page = visitor.visit("agents", "Agents")
    assert background(page) == dark


def test_nothing_in_the_bar_tells_of_every_refresh(visitor: Visitor) -> None:
    page = visitor.visit("gpus", "GPUs")
    page.wait_for_timeout(2500)
    expect(page.locator('[data-testid="stStatusWidget"]:visible')).to_have_count(0)
