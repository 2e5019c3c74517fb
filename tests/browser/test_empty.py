"""An installation in which nothing is yet: every page says so, and what to do next."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from dashboard.chrome import NAVIGATION
from tests.browser.conftest import FAULTS, Visitor
from tests.browser.looks import LOOKS, Look

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
    assert page.locator(FAULTS).count() == 0
    for sentence in sentences:
        expect(page.get_by_text(sentence, exact=False).first).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", NAVIGATION)
def test_an_empty_page_is_drawn_in_any_width_and_theme(
    window: Callable[..., Visitor], pictures: Path, name: str, look: Look
) -> None:
    theme, width = look
    visitor = window(width, theme)
    visitor.visit("" if name == "overview" else name)
    visitor.photograph(pictures / f"empty-{name}-{theme}-{width}.png")
