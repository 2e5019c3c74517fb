"""The agents' pages: the roster, and the form that edits an agent."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from helios_core.models import AgentConfiguration, AgentConfigurationVersion
from helios_core.services import agents
from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser

FORM = "agents?agent={}&tab=Configuration"


def stored(installation: Installation, agent_id: str) -> AgentConfiguration:
    return installation.workspace.read(
        lambda session: session.scalars(select(AgentConfiguration).where(AgentConfiguration.agent_id == agent_id)).one()
    )


def field(page: Page, title: str) -> Locator:
    """A field, not the one in whose place it has come."""
    return page.get_by_label(title, exact=True).filter(visible=True)


def type_in(page: Page, title: str, text: str) -> None:
    """Type, and leave the field."""
    field(page, title).fill(text)
    field(page, title).press("Tab")


def test_the_roster_shows_the_team_and_filters_it(visitor: Visitor) -> None:
    page = visitor.visit("agents", "Agents")
    cards = page.locator("a.agent")
    expect(cards).to_have_count(12)
    expect(cards.filter(has_text="Data Analyst")).to_contain_text("▲ error")
    page.get_by_label("Find").fill("vulnerability")
    page.get_by_label("Find").press("Enter")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("Technical Expert")
    assert "find=vulnerability" in page.url


def test_a_card_opens_the_agents_page_and_the_url_holds_it(visitor: Visitor) -> None:
    page = visitor.visit("agents", "Agents")
    page.locator("a.agent").filter(has_text="Socratic Expert").click()
    expect(page.locator("h1")).to_have_text("Socratic Expert")
    assert "agent=socratic_expert" in page.url
    page.get_by_role("tab", name="Performance").click()
    page.wait_for_url("**tab=Performance**")
    page.reload()
    expect(page.get_by_role("tab", name="Performance")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Response time, median")).to_be_visible()


def test_an_edit_through_the_form_is_in_the_database(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit(FORM.format("creative_director"), "Creative Director")
    version = stored(installation, "creative_director").version
    type_in(page, "System prompt", "You have three ideas.")
    type_in(page, "Timeout (s)", "95")
    type_in(page, "Reason", "shorter")
    expect(page.get_by_text("2 unsaved changes")).to_be_visible()
    page.get_by_role("button", name=f"Save as version {version + 1}").click()
    expect(page.get_by_text(f"Saved as version {version + 1}.")).to_be_visible()
    configuration = stored(installation, "creative_director")
    assert (configuration.system_prompt, configuration.timeout_seconds) == ("You have three ideas.", 95)
    newest = installation.workspace.read(
        lambda session: session.scalars(
            select(AgentConfigurationVersion).order_by(AgentConfigurationVersion.id.desc()).limit(1)
        ).one()
    )
    assert (newest.version, newest.reason) == (version + 1, "shorter")
    expect(page.get_by_role("button", name=f"Save as version {version + 2}")).to_be_disabled()


def test_a_refused_value_is_marked_and_everything_typed_stays(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit(FORM.format("planning_expert"), "Planning Expert")
    version = stored(installation, "planning_expert").version
    type_in(page, "System prompt", "You plan.")
    type_in(page, "Timeout (s)", "0")
    type_in(page, "Constraints", '{"steps": ')
    expect(page.get_by_text("3 unsaved changes")).to_be_visible()
    page.get_by_role("button", name=f"Save as version {version + 1}").click()
    expect(page.get_by_text("The timeout is 1 to 86,400 whole seconds")).to_be_visible()
    expect(page.get_by_text("This is not JSON: line 1")).to_be_visible()
    assert field(page, "System prompt").input_value() == "You plan."
    assert field(page, "Timeout (s)").input_value() == "0"
    assert field(page, "Constraints").input_value() == '{"steps": '
    assert stored(installation, "planning_expert").version == version


def test_what_is_typed_outlives_refreshes_and_a_look_at_another_tab(visitor: Visitor) -> None:
    page = visitor.visit(FORM.format("data_analyst"), "Data Analyst")
    type_in(page, "System prompt", "You count.")
    field(page, "Constraints").click()
    page.keyboard.press("Control+A")
    page.keyboard.type('{"half": ')
    page.wait_for_timeout(3500)
    assert field(page, "Constraints").input_value() == '{"half": ', "a refresh took away what was being typed"
    field(page, "Constraints").press("Tab")
    expect(page.get_by_text("2 unsaved changes")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("tabpanel", name="Versions").get_by_text("default team")).to_be_visible()
    page.get_by_role("tab", name="Configuration").click()
    expect(field(page, "System prompt")).to_have_value("You count.")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("no unsaved changes")).to_be_visible()


def test_the_form_says_on_which_card_the_agent_fits(visitor: Visitor) -> None:
    page = visitor.visit(FORM.format("business_analyst"), "Business Analyst")
    fits = page.locator(".fit")
    expect(fits.filter(has_text="GPU 1")).to_contain_text("shares loaded weights")
    expect(fits.filter(has_text="GPU 2")).to_contain_text("takes nothing new")
    type_in(page, "Memory (MiB)", "20000")
    expect(fits.filter(has_text="GPU 0")).to_contain_text(
        re.compile(r"GPU 0 has .* GiB free; this agent needs 19\.5\.")
    )


def test_two_editors_see_each_other_before_either_overwrites(
    installation: Installation, window: Callable[..., Visitor]
) -> None:
    agent_id = "output_formatter"
    mine, theirs = window(), window()
    my_page = mine.visit(FORM.format(agent_id), "Output Formatter")
    their_page = theirs.visit(FORM.format(agent_id), "Output Formatter")
    version = stored(installation, agent_id).version
    type_in(my_page, "System prompt", "My prompt.")
    type_in(their_page, "Timeout (s)", "77")
    for page in (my_page, their_page):
        expect(page.get_by_text("1 unsaved change · nobody else has saved")).to_be_visible()
    their_page.get_by_role("button", name=f"Save as version {version + 1}").click()
    expect(their_page.get_by_text(f"Saved as version {version + 1}.")).to_be_visible()

    # Nobody has touched my page: it says so by itself.
    expect(my_page.get_by_text(f"Version {version + 1} was saved meanwhile")).to_be_visible()
    expect(my_page.locator(".st-key-card_newer")).to_contain_text("120 → 77")
    assert field(my_page, "System prompt").input_value() == "My prompt."
    assert stored(installation, agent_id).system_prompt != "My prompt."

    my_page.get_by_role("button", name="Keep mine, on top of theirs").click()
    expect(my_page.locator(".st-key-card_newer")).to_have_count(0)
    expect(field(my_page, "Timeout (s)")).to_have_value("77")
    my_page.get_by_role("button", name=f"Save as version {version + 2}").click()
    expect(my_page.get_by_text(f"Saved as version {version + 2}.")).to_be_visible()
    configuration = stored(installation, agent_id)
    assert (configuration.system_prompt, configuration.timeout_seconds) == ("My prompt.", 77)


def test_theirs_can_be_taken_instead(installation: Installation, visitor: Visitor) -> None:
    agent_id = "wellbeing_coach"
    page = visitor.visit(FORM.format(agent_id), "Wellbeing Coach")
    version = stored(installation, agent_id).version
    type_in(page, "System prompt", "My prompt.")
    expect(page.get_by_text("1 unsaved change · nobody else has saved")).to_be_visible()
    installation.act(
        lambda session: agents.save_configuration(session, agent_id, {"system_prompt": "Theirs."}, version)
    )
    expect(page.get_by_text("Both of you changed System prompt")).to_be_visible()
    page.get_by_role("button", name="Take theirs").click()
    expect(page.locator(".st-key-card_newer")).to_have_count(0)
    expect(field(page, "System prompt")).to_have_value("Theirs.")
    assert stored(installation, agent_id).version == version + 1


def test_a_version_can_be_rolled_back_to(installation: Installation, visitor: Visitor) -> None:
    agent_id = "personal_assistant"
    first = stored(installation, agent_id)
    installation.act(
        lambda session: agents.save_configuration(session, agent_id, {"timeout_seconds": 33}, first.version)
    )
    page = visitor.visit(f"agents?agent={agent_id}&tab=Versions", "Personal Assistant")
    page.get_by_role("button", name=f"Roll back to v{first.version} …").click()
    expect(page.get_by_role("dialog")).to_contain_text("33 → 120")
    page.get_by_role("dialog").get_by_role("button", name=f"Save as version {first.version + 2}").click()
    expect(page.get_by_text(f"rolled back to version {first.version}")).to_be_visible()
    assert stored(installation, agent_id).timeout_seconds == 120


def test_an_agents_audit_says_who_changed_what_and_why(installation: Installation, visitor: Visitor) -> None:
    agent_id = "project_manager"
    version = stored(installation, agent_id).version
    installation.act(
        lambda session: agents.save_configuration(session, agent_id, {"timeout_seconds": 41}, version, "tired of it")
    )
    page = visitor.visit(f"agents?agent={agent_id}&tab=Audit", "Project Manager")
    newest = page.locator(".change").first
    expect(newest).to_contain_text("changed configuration Project Manager “tired of it”")
    newest.locator("summary").click()
    expect(newest.locator('[data-kind="came"]').first).to_be_visible()
    expect(newest).to_contain_text("+ 41")


def test_an_agent_that_is_not_there_is_said_not_to_be(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.address}/agents?agent=nobody")
    expect(visitor.page.get_by_text("There is no agent nobody.")).to_be_visible()
