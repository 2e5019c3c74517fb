"""`helios up` on a machine without models: a question on the page, and the whole team answers, before one's eyes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visitor
from tests.browser.looks import LOOKS, Look
from tests.installations import Installation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

QUESTION = (
    "Should we move our nightly batch jobs to spot instances? Three hosts, jobs of 20 minutes, EUR 34,000 a year."
)
PHASES = ["initialization", "ingestion", "planning", "delegation", "processing", "synthesis", "review", "completion"]
DONE_MS = 240_000


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """A machine without a model server, where `helios up` has just said that it is ready."""
    with Installation() as installation:
        installation.start_until_ready()
        yield installation


@pytest.fixture
def visitor(chromium: Browser, running: Installation) -> Iterator[Visitor]:
    """Somebody before a wide window."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1030}, timezone_id="Europe/Vienna")
    yield Visitor(context.new_page(), f"http://127.0.0.1:{running.port}")
    context.close()


def ask(visitor: Visitor, question: str) -> Page:
    """Type a question and send it; the conversation's page."""
    page = visitor.visit("conversations", "Conversations")
    expect(page.get_by_text("rehearsal: no model server is enabled")).to_be_visible(timeout=30_000)
    page.get_by_label("Ask the team").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_url("**/conversations?conversation=*")
    page.locator("h1", has_text=question[:40]).wait_for()
    return page


def test_a_question_is_typed_in_peace_and_refused_where_it_is_none(visitor: Visitor) -> None:
    page = visitor.visit("conversations", "Conversations")
    box = page.get_by_label("Ask the team")
    box.fill("Half a question")
    page.wait_for_timeout(2500)
    expect(box).to_have_value("Half a question")
    box.fill("   ")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("Ask a question of 1 to 100,000 characters.")).to_be_visible()


def test_the_whole_team_answers_before_ones_eyes(visitor: Visitor, running: Installation, pictures: Path) -> None:
    page = ask(visitor, QUESTION)
    expect(page.locator(".watch .phases [aria-current=step]")).to_be_visible(timeout=20_000)
    expect(page.locator(".watch .writer .words").first).not_to_be_empty(timeout=60_000)
    expect(page.locator(".watch")).to_contain_text("these answers are made up on this machine")
    expect(page.locator(".tasks .task").first).to_be_visible(timeout=60_000)
    expect(page.locator(".watch .phases [aria-current=step]")).to_have_text("processing", timeout=60_000)
    expect(page.locator(".watch .writer").first).to_be_visible(timeout=60_000)
    visitor.photograph(pictures / "team-at-work-light-1440.png")
    expect(page.locator(".answers.wide .answer")).to_be_visible(timeout=DONE_MS)
    expect(page.locator(".watch")).to_have_count(0, timeout=DONE_MS)
    expect(page.get_by_test_id("stMarkdownContainer").filter(has_text="rehearsal · ● completed")).to_be_visible()
    conversation_id = page.url.rpartition("=")[2]
    exported = running.run("export", conversation_id)
    assert exported.returncode == 0, exported.stderr
    record = json.loads(exported.stdout)
    assert list(dict.fromkeys(phase["phase"] for phase in record["phases"])) == PHASES
    visitor.photograph(pictures / "team-answered-light-1440.png")

    expect(page.get_by_role("button", name="Who contributed what, and how good it is")).to_be_visible()
    visitor.visit(f"synthesis?conversation={conversation_id}", QUESTION[:40])
    expect(page.locator(".attributed .passage").first).to_be_visible(timeout=30_000)
    expect(page.locator(".attributed .giver").nth(1)).to_be_visible()
    expect(page.locator(".stances tr").nth(1)).to_be_visible()
    expect(page.locator(".sheet .score", has_text="judge-1").first).to_contain_text("of 5")
    visitor.photograph(pictures / "team-synthesis-light-1440.png")


@pytest.mark.slow
def test_a_conversation_is_paused_resumed_and_cancelled_within_a_moment(visitor: Visitor) -> None:
    page = ask(visitor, "How do we tell customers about the new prices? Two letters were sent, 300 people answered.")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".watch [role=status]")).to_contain_text("paused", timeout=5_000)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".watch [role=status]")).not_to_contain_text("paused", timeout=5_000)
    page.get_by_test_id("stPopover").filter(has_text="Cancel").get_by_role("button").click()
    page.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_text("It was cancelled.")).to_be_visible(timeout=10_000)
    expect(page.locator(".watch")).to_have_count(0)


@pytest.mark.slow
def test_a_task_is_given_to_another_expert(visitor: Visitor) -> None:
    page = ask(
        visitor, "Which of two office sites is better for us? Rent 12 or 18 EUR, 40 people, half of them at home."
    )
    first = page.locator(".tasks .task").first
    expect(first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".watch [role=status]")).to_contain_text("paused", timeout=5_000)
    first.click()
    page.wait_for_url("**/delegations?delegation=*")
    page.get_by_test_id("stPopover").filter(has_text="Reassign").get_by_role("button").click(timeout=20_000)
    page.get_by_role("button", name="Reassign it").click()
    expect(page.locator(".figure", has_text="attempt")).to_contain_text("2 of 2", timeout=20_000)
    page.get_by_test_id("stPopover").filter(has_text="Cancel").get_by_role("button").click()
    page.get_by_role("button", name="Cancel it").click()
    expect(page.locator(".figure", has_text="status")).to_contain_text("cancelled", timeout=10_000)


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_watching_reads_in_any_width_and_theme(
    chromium: Browser, running: Installation, pictures: Path, look: Look
) -> None:
    theme, width = look
    context = chromium.new_context(viewport={"width": width, "height": 1030}, color_scheme=theme)
    watcher = Visitor(context.new_page(), f"http://127.0.0.1:{running.port}")
    page = ask(watcher, f"Is {width} px enough, in {theme}?")
    expect(page.locator(".watch .phases [aria-current=step]")).to_have_text("processing", timeout=90_000)
    expect(page.locator(".watch .writer").first).to_be_visible(timeout=60_000)
    watcher.photograph(pictures / f"team-at-work-{theme}-{width}.png")
    context.close()
