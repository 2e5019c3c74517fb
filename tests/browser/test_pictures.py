"""Every page in both themes, wide and narrow: drawn without a fault, and kept as a picture."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.chrome import NAVIGATION, PAGES
from tests.browser.conftest import Theme, Visitor

pytestmark = pytest.mark.browser

FAULTS = '[data-testid="stException"], [data-testid="stAlertContentError"]'
WHOLE_HEIGHT = """() => Math.max(
    700, document.querySelector('[data-testid="stMainBlockContainer"]').getBoundingClientRect().height + 60)"""


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name in NAVIGATION if (PAGES / f"{name}.py").exists()])
def test_a_page_is_drawn_without_a_fault_in_any_width_and_theme(
    window: Callable[..., Visitor], pictures: Path, name: str, theme: Theme, width: int
) -> None:
    visitor = window(width, theme)
    faults: list[str] = []
    visitor.page.on("pageerror", lambda error: faults.append(str(error)))
    page = visitor.visit("" if name == "overview" else name)
    page.set_viewport_size({"width": width, "height": int(page.evaluate(WHOLE_HEIGHT))})
    visitor.settle()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / f"{name}-{theme}-{width}.png")
    assert not faults
    assert page.locator(FAULTS).count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
