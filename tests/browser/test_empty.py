"""An installation in which nothing is yet: every page says so, and what to do next."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from dashboard.chrome import NAVIGATION
from tests.browser.conftest import Theme, Visitor

pytestmark = pytest.mark.browser


def draw(_session: Session) -> None:
    """Nothing."""


@pytest.mark.parametrize(
    ("path", "sentences"),
    [
        (
            "",
            [
                "Nobody reads the cards",
                "No card is known yet.",
                "No agent is configured.",
                "No delegation is under way.",
            ],
        ),
        ("gpus", ["No card is known yet."]),
        ("placement", ["No card is known yet.", "No agent of yours uses a card.", "No plan yet."]),
        ("placement?tab=Rules", ["There is no rule yet."]),
        ("placement?tab=Constraints", ["No model has a constraint yet."]),
        ("placement?tab=Decisions", ["Nothing was decided yet."]),
        ("alerts", ["Nobody reads the cards", "Nothing was wrong in this time."]),
        ("settings?tab=Keys", ["There is no key yet."]),
        ("settings?tab=Retention", ["Nothing expires: every class is kept for ever."]),
        ("settings", ["none has reported", "No sample conversations are left."]),
    ],
)
def test_an_empty_page_says_what_to_do_next(visitor: Visitor, path: str, sentences: list[str]) -> None:
    page = visitor.visit(path)
    for sentence in sentences:
        expect(page.get_by_text(sentence, exact=False).first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAVIGATION)
def test_an_empty_page_is_drawn_without_a_fault(
    window: Callable[..., Visitor], pictures: Path, name: str, theme: Theme
) -> None:
    page = window(1440, theme).visit("" if name == "overview" else name)
    page.screenshot(path=pictures / f"empty-{name}-{theme}.png")
    assert page.locator('[data-testid="stException"]').count() == 0
