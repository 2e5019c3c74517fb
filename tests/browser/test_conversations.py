"""Conversations: found, chosen, read, and moved through in time, in a real browser."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.ingest.importing import import_file
from helios_core.ingest.samples import load_samples
from helios_core.models import (
    AgentParticipation,
    ConversationMessage,
    ConversationPhase,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services.conversations import remove_conversation
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor, choose
from tests.browser.looks import LOOKS, Look

pytestmark = pytest.mark.browser

SPOT = "Should we move our nightly batch jobs to spot instances?"
UNTIMED = "What is the last line of the rhyme?"
REAL = Path(__file__).parents[2] / "../shared/data/conversations"


def draw(session: Session) -> None:
    """The usual scene, the samples, and a long conversation of which only the order is known."""
    scene.draw(session)
    load_samples(session, datetime.now(UTC))
    untimed(session)


def untimed(session: Session) -> None:
    """An orchestrator asks a surfer 60 times."""
    talk = MultiAgentConversation(
        title=UNTIMED, question="And where is it written?", pm_agent_id="Orchestrator", outcome="failed",
        source="import", source_name="untimed.json", current_phase=ConversationPhase.COMPLETION,
    )  # fmt: skip
    session.add(talk)
    session.flush()
    for agent_id in ("Orchestrator", "WebSurfer"):
        session.add(AgentParticipation(conversation_id=talk.id, agent_id=agent_id, display_name=agent_id))
    for number in range(60):
        task = TaskDelegation(
            conversation_id=talk.id, pm_agent_id="Orchestrator", target_agent_id="WebSurfer", position=2 * number,
            task_description=f"Scroll to headstone {number}", status=TaskDelegationStatus.COMPLETED,
        )  # fmt: skip
        session.add(task)
        session.flush()
        for offset, (speaker, addressee, kind) in enumerate(
            [("Orchestrator", "WebSurfer", "directive"), ("WebSurfer", "Orchestrator", "response")]
        ):
            session.add(
                ConversationMessage(
                    conversation_id=talk.id, position=2 * number + offset, speaker=speaker, addressee=addressee,
                    kind=kind, delegation_id=task.id, phase=ConversationPhase.PROCESSING,
                    content=f"{kind} {number}: the **headstone** by the gate",
                )
            )  # fmt: skip


def id_of(installation: Installation, title: str, source: str) -> int:
    """The conversation of that title."""
    return installation.workspace.read(
        lambda session: session.scalars(
            select(MultiAgentConversation.id).where(
                MultiAgentConversation.title == title, MultiAgentConversation.source == source
            )
        ).one()
    )


def opened(visitor: Visitor, installation: Installation, title: str = SPOT, source: str = "sample") -> Page:
    """The page of one conversation, drawn."""
    page = visitor.visit(f"conversations?conversation={id_of(installation, title, source)}", title)
    expect(page.locator(".clock .lane, .clock .initials").first).to_be_visible()
    expect(page.locator(".message").first).to_be_visible()
    return page


def scrub(page: Page, share: float) -> None:
    """Put the scrubber at a share of the whole, as a pointer does."""
    plot = page.locator(".clock .plot")
    line = page.locator(".clock .rule").first
    box, axis = plot.bounding_box(), line.bounding_box()
    assert box is not None
    assert axis is not None
    page.mouse.click(axis["x"] + share * axis["width"], box["y"] + 60)


def rows(page: Page) -> Locator:
    """The conversations in the list."""
    return page.locator(".conversation")


def test_the_list_says_of_each_where_it_came_from_and_how_far_it_came(visitor: Visitor) -> None:
    page = visitor.visit("conversations", "Conversations")
    sample = rows(page).filter(has_text=SPOT).filter(has_text="sample")
    expect(sample).to_contain_text("completed")
    expect(sample).to_contain_text("5 of 5 done")
    expect(sample.locator(".face")).to_have_count(6)
    imported = rows(page).filter(has_text=UNTIMED)
    expect(imported).to_contain_text("imported")
    expect(imported).to_contain_text("no times recorded")
    expect(imported).to_contain_text("n/a tokens")


def test_a_search_finds_what_was_said_and_stays_in_the_address(visitor: Visitor) -> None:
    page = visitor.visit("conversations", "Conversations")
    box = page.get_by_placeholder("Search titles, questions and what was said")
    box.fill("headstone gate")
    box.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text(UNTIMED)
    page.wait_for_url("**/conversations?*q=headstone*")
    page.reload()
    expect(rows(page)).to_have_count(1)
    box.fill("no such words anywhere")
    box.press("Enter")
    expect(page.get_by_text("No conversation matches.")).to_be_visible()


def test_a_choice_narrows_the_list_and_survives_a_reload(visitor: Visitor) -> None:
    page = visitor.visit("conversations", "Conversations")
    choose(page.get_by_role("combobox", name="Source"), "sample")
    expect(rows(page)).to_have_count(4)
    page.wait_for_url("**/conversations?*source=sample*")
    page.reload()
    expect(rows(page)).to_have_count(4)


def test_a_click_opens_a_conversation_and_the_address_holds_it(visitor: Visitor, installation: Installation) -> None:
    page = visitor.visit("conversations?source=sample", "Conversations")
    rows(page).filter(has_text=SPOT).click()
    page.wait_for_url(f"**/conversations?conversation={id_of(installation, SPOT, 'sample')}")
    expect(page.locator(".figure", has_text="effective votes")).to_contain_text("2.4 of 4")
    page.reload()
    expect(page.locator(".figure", has_text="effective votes")).to_contain_text("2.4 of 4")
    expect(page.locator(".figure", has_text="energy")).to_contain_text("n/a")


def test_the_scrubber_moves_the_transcript(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation)
    expect(page.locator(".transcript .head")).to_contain_text("17 of 17 messages")
    scrub(page, 0.3)
    expect(page.locator(".transcript .head")).to_contain_text("up to 0:2")
    expect(page.locator(".transcript .head")).to_contain_text("7 of 17 messages")
    expect(page.get_by_text("10 more after this moment")).to_be_visible()


def test_the_scrubber_moves_by_keys_and_goes_back_to_the_whole(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation)
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    expect(page.locator(".transcript .head")).to_contain_text("up to 0:00")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "1")
    slider.press("End")
    expect(page.locator(".transcript .head")).to_contain_text("17 of 17 messages")
    expect(page.locator(".transcript .head")).not_to_contain_text("up to")


def test_replay_runs_on_until_it_is_paused(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation)
    slider = page.get_by_role("slider", name="Moment")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_function(
        "node => Number(node.getAttribute('aria-valuenow')) >= 5", arg=slider.element_handle(), timeout=20_000
    )
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".transcript .head")).to_contain_text("up to 0:")
    paused_at = slider.get_attribute("aria-valuenow")
    page.wait_for_timeout(700)
    assert slider.get_attribute("aria-valuenow") == paused_at


def test_without_recorded_times_the_clock_counts_messages_and_invents_nothing(
    visitor: Visitor, installation: Installation
) -> None:
    page = opened(visitor, installation, UNTIMED, "import")
    expect(page.get_by_text("Order only, no times recorded")).to_be_visible()
    expect(page.locator(".figure", has_text="time")).to_contain_text("n/a")
    expect(page.locator(".figure", has_text="tokens")).to_contain_text("n/a")
    ticks = page.locator(".clock .tick").all_text_contents()
    assert ticks
    assert not any(":" in tick for tick in ticks)
    times = page.locator(".message .time").all_text_contents()
    assert times[:2] == ["#1", "#2"]
    scrub(page, 0.5)
    expect(page.locator(".transcript .head")).to_contain_text("up to message 60")


def test_a_long_transcript_is_read_a_part_at_a_time(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation, UNTIMED, "import")
    expect(page.locator(".message")).to_have_count(30)
    page.get_by_role("button", name="Show later messages (90 more)").click()
    expect(page.locator(".message")).to_have_count(60)
    scrub(page, 0.999)
    expect(page.locator(".message").last).to_contain_text("response 59")
    expect(page.get_by_role("button", name="Show earlier messages")).to_be_visible()


def test_stances_answers_and_the_graph_show_what_was_recorded(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation)
    expect(page.locator(".stances tr", has_text="Move everything now")).to_contain_text("✕")
    expect(page.locator(".stances .minority")).to_contain_text("Socratic Expert")
    expect(page.locator(".answers.wide .answer").first).to_contain_text("synthesis 2 of 2")
    expect(page.locator(".answers.wide .answer").first).to_contain_text("Technical Expert38 %")
    expect(page.locator(".graph .count")).to_have_count(5)
    expect(page.locator(".answer", has_text="Business Analyst").last).to_contain_text("20,900 EUR")


def test_an_export_is_a_file_that_can_be_imported(visitor: Visitor, installation: Installation) -> None:
    page = opened(visitor, installation)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    record = json.loads(download.value.path().read_text())
    assert record["format"] == "helios-conversation/1"
    assert record["title"] == SPOT
    assert len(record["messages"]) == 17


def test_a_conversation_under_way_goes_on_without_a_reload(visitor: Visitor, installation: Installation) -> None:
    conversation_id = id_of(installation, SPOT, "live")
    page = visitor.visit(f"conversations?conversation={conversation_id}", SPOT)
    expect(page.locator(".clock .gpu")).to_have_count(3)
    page.locator(".clock svg").first.evaluate("node => { node.heliosMark = 'the same'; }")

    def speak(session: Session) -> None:
        session.add(
            ConversationMessage(
                conversation_id=conversation_id, position=0, speaker="project_manager", kind="plan",
                content="We ask five experts.", occurred_at=datetime.now(UTC),
            )
        )  # fmt: skip

    installation.act(speak)
    expect(page.locator(".message")).to_contain_text("We ask five experts.", timeout=10_000)
    assert page.locator(".clock svg").first.evaluate("node => node.heliosMark") == "the same"


def test_a_conversation_is_removed_after_a_second_word(visitor: Visitor, installation: Installation) -> None:
    def add(session: Session) -> None:
        session.add(MultiAgentConversation(title="To be removed", outcome="completed", source="import"))

    installation.act(add)
    page = visitor.visit(
        f"conversations?conversation={id_of(installation, 'To be removed', 'import')}", "To be removed"
    )
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("h1", has_text="Conversations")).to_be_visible()
    expect(rows(page).first).to_be_visible()
    expect(rows(page).filter(has_text="To be removed")).to_have_count(0)


def test_a_conversation_that_is_not_there_is_said_not_to_be(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.address}/conversations?conversation=123456")
    expect(page.get_by_text("There is no conversation 123456")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("source", "title"), [("sample", SPOT), ("import", UNTIMED)])
def test_a_conversation_is_drawn_in_any_width_and_theme(
    request: pytest.FixtureRequest, pictures: Path, source: str, title: str, look: Look
) -> None:
    theme, width = look
    visitor = request.getfixturevalue("window")(width, theme)
    page = opened(visitor, request.getfixturevalue("installation"), title, source)
    scrub(page, 0.5)
    expect(page.locator(".transcript .head")).to_contain_text("up to")
    visitor.photograph(pictures / f"conversation-{source}-{theme}-{width}.png")


@pytest.mark.skipif(not REAL.exists(), reason="the real runs are not beside this checkout")
def test_a_real_run_of_a_software_company_opens_and_is_read(visitor: Visitor, installation: Installation) -> None:
    path = min((REAL / "chatdev").glob("*Sudoku*.json"))
    found = import_file(installation.workspace, path)
    page = visitor.visit(f"conversations?conversation={found.conversation_id}", found.title)
    expect(page.locator(".message")).to_have_count(30)
    expect(page.locator(".clock .phase").first).to_be_visible()
    expect(page.locator(".figure", has_text="tokens")).to_contain_text("n/a")
    installation.act(lambda session: remove_conversation(session, found.conversation_id))
