"""Every page is drawn without a fault in both themes, wide and narrow; the pictures are kept to be looked at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.chrome import NAVIGATION, PAGES
from tests.browser.conftest import Visitor
from tests.browser.looks import LOOKS, Look

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", [name for name in NAVIGATION if (PAGES / f"{name}.py").exists()])
def test_a_page_is_drawn_without_a_fault_in_any_width_and_theme(
    window: Callable[..., Visitor], pictures: Path, name: str, look: Look
) -> None:
    theme, width = look
    visitor = window(width, theme)
    faults: list[str] = []
    visitor.page.on("pageerror", lambda error: faults.append(str(error)))
    visitor.visit("" if name == "overview" else name)
    visitor.photograph(pictures / f"{name}-{theme}-{width}.png")
    assert not faults
