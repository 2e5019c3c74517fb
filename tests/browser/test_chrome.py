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


def test_the_bar_lies_over_nothing_that_is_clicked(visitor: Visitor) -> None:
    page = visitor.visit("gpus", "GPUs")
    page.get_by_role("radio", name="15 m").click(timeout=5000)
    page.get_by_role("radio", name="7 d").click(timeout=5000)
    page.wait_for_url("**range=7*")
    page.get_by_role("combobox", name="Refresh").click(timeout=5000)
    expect(page.get_by_role("option", name="30 s")).to_be_visible()


def test_nothing_in_the_bar_tells_of_every_refresh(visitor: Visitor) -> None:
    page = visitor.visit("gpus", "GPUs")
    page.wait_for_timeout(2500)
    expect(page.locator('[data-testid="stStatusWidget"]:visible')).to_have_count(0)
