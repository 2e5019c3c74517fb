"""The GPUs page: every card, one in depth, and a chart that stays where the reader has zoomed."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update
from sqlalchemy.orm import Session

from helios_core.models import GPUResource
from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser

CHART = ".time-chart"


def ticks(page: Page) -> list[str]:
    """The times that are written below the chart."""
    return page.locator(f"{CHART} .tick").all_inner_texts()


def zoom(page: Page) -> None:
    """Drag over a part of the chart."""
    box = page.locator(f"{CHART} .glass").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + 60, steps=8)
    page.mouse.up()


def test_every_card_has_a_row_and_one_is_shown_in_depth(visitor: Visitor) -> None:
    page = visitor.visit("gpus?gpu=1", "GPUs")
    expect(page.locator("a.row")).to_have_count(3)
    expect(page.locator("a.row[aria-current]")).to_contain_text("GPU 1")
    expect(page.get_by_text("GPU 1 over time")).to_be_visible()
    for words in ("utilisation", "memory", "temperature", "power", "SM clock", "clocks held by"):
        expect(page.locator(f"{CHART} .caption", has_text=words)).to_be_visible()
    expect(page.locator(f"{CHART} .span", has_text="idle").first).to_be_visible()


def test_a_click_on_a_row_selects_the_card_and_the_address_holds_it(visitor: Visitor) -> None:
    page = visitor.visit("gpus", "GPUs")
    expect(page.locator("a.row[aria-current]")).to_contain_text("GPU 0")
    page.locator("a.row", has_text="GPU 2").click()
    expect(page.locator("a.row[aria-current]")).to_contain_text("GPU 2")
    page.wait_for_url("**gpu=2*")
    page.reload()
    expect(page.locator("a.row[aria-current]")).to_contain_text("GPU 2")
    expect(page.get_by_text("It slows itself down at 88 °C.").first).to_be_visible()


def test_models_agents_processes_and_what_the_card_cannot_report_are_named(visitor: Visitor) -> None:
    page = visitor.visit("gpus?gpu=1", "GPUs")
    expect(page.locator(".fact", has_text="pid 2102")).to_contain_text("llama3.1:8b → ")
    expect(page.locator(".fact", has_text="fan")).to_contain_text("not reported by this GPU")
    expect(page.get_by_text("Promised", exact=True)).to_be_visible()
    expect(page.get_by_text("simulated").first).to_be_visible()


def test_a_zoom_survives_the_refresh_until_a_double_click(visitor: Visitor) -> None:
    page = visitor.visit("gpus?gpu=0", "GPUs")
    page.locator(CHART).wait_for()
    zoom(page)
    expect(page.locator(f"{CHART}[data-zoomed]")).to_be_visible()
    zoomed = ticks(page)
    page.wait_for_timeout(3000)
    assert ticks(page) == zoomed
    page.locator(f"{CHART} .glass").dblclick()
    expect(page.locator(f"{CHART}[data-zoomed]")).to_have_count(0)


def test_the_cursor_reads_every_row_at_one_moment(visitor: Visitor) -> None:
    page = visitor.visit("gpus?gpu=1", "GPUs")
    page.locator(f"{CHART} .glass").hover(position={"x": 100, "y": 60})
    expect(page.locator(f"{CHART} .row", has_text="power").locator(".value")).to_contain_text(" W")
    expect(page.locator(f"{CHART} .row", has_text="clocks held by").locator(".value")).to_have_text("idle")


def test_a_reading_shows_by_itself(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("gpus?gpu=0", "GPUs")

    def work_harder(session: Session) -> None:
        session.execute(update(GPUResource).where(GPUResource.id == 0).values(current_power_watts=237))

    installation.act(work_harder)
    expect(page.locator("a.row", has_text="GPU 0")).to_contain_text("237")
    expect(page.locator(".figure", has_text="power")).to_contain_text("237 W")


def test_a_value_that_is_not_known_is_never_zero(installation: Installation, visitor: Visitor) -> None:
    def forget(session: Session) -> None:
        session.execute(
            update(GPUResource).where(GPUResource.id == 2).values(
                current_utilization_percent=None, current_power_watts=None, current_temperature_celsius=None
            )
        )  # fmt: skip

    installation.act(forget)
    page = visitor.visit("gpus?gpu=2", "GPUs")
    for words in ("utilisation", "power", "temperature"):
        expect(page.locator(".figure", has_text=words).locator(".value")).to_have_text("n/a")
