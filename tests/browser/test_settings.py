"""Settings: the state of the installation, who may use it and by which keys, how long things are kept, the audit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.models import ApiKey, AuditEvent, GPUEvent, MultiAgentConversation, RetentionRule
from helios_core.services.activation import is_enabled_for, set_rollout
from helios_core.services.keys import Scope, authenticate, create_key
from helios_core.services.users import create_user, find_user
from helios_core.views.users import rollout
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor, choose
from tests.browser.looks import NARROW, Look, usually

pytestmark = pytest.mark.browser


def draw(session: Session) -> None:
    """The usual scene, two samples, three more users, a key, and events of cards that are old."""
    scene.draw(session)
    for title in ("A first sample", "A second sample"):
        session.add(MultiAgentConversation(title=title, source="sample", outcome="completed"))
    for name, role in (("ada", "operator"), ("grace", "user"), ("linus", "user")):
        create_user(session, name, role, f"{name}@example.org", "joins the team")
    set_rollout(session, 40, "the first few")
    create_key(session, "nightly report", Scope.READ, 30)
    for days in (100, 90, 10):
        at = datetime.now(UTC) - timedelta(days=days)
        session.add(GPUEvent(gpu_id=0, severity="warning", message="It was hot.", occurred_at=at))


def sample_count(session: Session) -> int:
    return session.scalars(
        select(func.count()).select_from(MultiAgentConversation).where(MultiAgentConversation.source == "sample")
    ).one()


def user_id(installation: Installation, name: str) -> int:
    return installation.workspace.read(lambda session: find_user(session, name).id)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def card(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-card_{key}")


def test_it_shows_the_state_of_database_collector_cards_and_disk(visitor: Visitor) -> None:
    page = visitor.visit("settings", "Settings")
    for label, value in {
        "Database": "PostgreSQL",
        "Collector workstation": "read",
        "Cards": "3 of them simulated",
        "Disk": "free of",
    }.items():
        expect(page.locator(".fact", has_text=label).first).to_contain_text(value)


def test_samples_go_by_a_click_and_a_confirmation(installation: Installation, window: Callable[..., Visitor]) -> None:
    page = window().visit("settings", "Settings")
    expect(page.get_by_text("2 sample conversations came with Helios")).to_be_visible()
    page.get_by_role("button", name="Remove samples").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert installation.workspace.read(sample_count) == 2
    page.get_by_role("button", name="Remove samples").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No sample conversations are left.")).to_be_visible()
    assert installation.workspace.read(sample_count) == 0


def test_a_user_is_added_and_one_who_is_there_already_is_refused_without_losing_what_was_typed(
    installation: Installation, visitor: Visitor
) -> None:
    page = visitor.visit("settings?tab=Users", "Settings")
    expect(page.locator(".account")).to_have_count(4)
    form = card(page, "new_user")
    form.get_by_label("Name").fill("ada")
    form.get_by_label("Address").fill("second@example.org")
    press(page, "Add")
    expect(form.get_by_text("There is a user ada already.")).to_be_visible()
    expect(form.get_by_label("Address")).to_have_value("second@example.org")
    form.get_by_label("Name").fill("barbara")
    form.get_by_label("Reason").fill("takes the night shift")
    press(page, "Add")
    expect(page.locator(".account")).to_have_count(5)
    added = installation.workspace.read(lambda session: find_user(session, "barbara"))
    assert (added.role, added.email) == ("user", "second@example.org")


def test_role_account_and_activation_change_together_with_one_reason(
    installation: Installation, visitor: Visitor
) -> None:
    page = visitor.visit("settings?tab=Users", "Settings")
    page.locator("a.account", has_text="grace").click()
    page.wait_for_url("**user=*")
    form = card(page, "user")
    choose(form.get_by_label("Role"), "viewer")
    form.get_by_text("The account is switched on").click()
    form.get_by_role("radio", name="off", exact=True).click()
    form.get_by_label("Reason").fill("on leave")
    press(page, "Save")
    row = page.locator("a.account", has_text="grace")
    expect(row).to_contain_text("switched off")
    expect(row).to_contain_text("Helios off · by name")
    grace = user_id(installation, "grace")
    assert not installation.workspace.read(lambda session: is_enabled_for(session, grace))
    assert installation.workspace.read(lambda session: find_user(session, "grace").role) == "viewer"
    reasons = installation.workspace.read(
        lambda session: session.scalars(select(AuditEvent.reason).where(AuditEvent.reason == "on leave")).all()
    )
    assert len(reasons) == 3


def test_the_last_admin_cannot_be_demoted(installation: Installation, visitor: Visitor) -> None:
    admin = installation.workspace.principal.user_id
    page = visitor.visit(f"settings?tab=Users&user={admin}", "Settings")
    form = card(page, "user")
    choose(form.get_by_label("Role"), "viewer")
    press(page, "Save")
    expect(form.get_by_text("This is the last active admin")).to_be_visible()


def test_a_roll_out_says_whom_it_reaches_before_it_does(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("settings?tab=Users", "Settings")
    surface = card(page, "activation")
    expect(surface.get_by_text("40 %")).to_be_visible()
    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    expect(surface.get_by_text("than now").or_(surface.get_by_text("as many as now"))).to_be_visible()
    assert installation.workspace.read(lambda session: rollout(session).percent) == 40
    press(page, "Set to 100 %")
    expect(surface.get_by_text("100 %").first).to_be_visible()
    linus = user_id(installation, "linus")
    assert installation.workspace.read(lambda session: is_enabled_for(session, linus))


def test_a_key_is_shown_once_opens_the_api_and_is_revoked(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("settings?tab=Keys", "Settings")
    page.get_by_label("Name").fill("dashboards of the hall")
    press(page, "Make the key")
    shown = page.get_by_role("dialog").locator("code").inner_text().strip()
    assert installation.workspace.read(lambda session: authenticate(session, shown).name) == "dashboards of the hall"
    press(page, "I have copied it")
    row = page.locator('[class*="st-key-key_"]', has_text="dashboards of the hall")
    expect(row).to_contain_text("● active")
    assert shown not in page.content()
    row.get_by_role("button").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("the hall is closed")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    page.get_by_text("Show 1 ended key").click()
    expect(row).to_contain_text("✕ revoked")
    key = installation.workspace.read(
        lambda session: session.scalars(select(ApiKey).where(ApiKey.name == "dashboards of the hall")).one()
    )
    assert key.revoked_at is not None


def test_what_a_retention_ends_is_shown_before_it_holds_and_again_before_it_goes(
    installation: Installation, visitor: Visitor
) -> None:
    page = visitor.visit("settings?tab=Retention", "Settings")
    surface = card(page, "keep_gpu_events")
    surface.get_by_text("Keep events of cards for ever").click()
    surface.get_by_label("Days to keep").fill("30")
    surface.get_by_label("Days to keep").press("Tab")
    expect(surface.get_by_text("2 events of cards would have expired")).to_be_visible()
    assert installation.workspace.read(lambda session: session.get(RetentionRule, "gpu_events")) is None
    press(page, "Keep 30 days")
    expect(card(page, "expired").locator(".fact", has_text="Events of cards")).to_contain_text("2")
    page.get_by_role("button", name="Delete what has expired").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 events of cards")).to_be_visible()
    dialog.get_by_role("button", name="Keep").click()
    assert installation.workspace.read(events_of_cards) == 4
    page.get_by_role("button", name="Delete what has expired").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(card(page, "expired").get_by_text("none older than 30 days")).to_be_visible()
    assert installation.workspace.read(events_of_cards) == 2


def events_of_cards(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(GPUEvent)).one()


def test_the_audit_tells_who_and_why_and_opens_to_before_and_after(visitor: Visitor) -> None:
    page = visitor.visit("settings?tab=Audit&subject=feature_activations", "Settings")
    row = page.locator(".change", has_text="the first few")
    expect(row).to_contain_text("added activation the roll-out")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.locator('.line[data-kind="came"]', has_text="40")).to_be_visible()
    page.wait_for_timeout(2500)
    expect(row.locator('.line[data-kind="came"]', has_text="40")).to_be_visible()
    expect(page.locator(".change", has_text="joins the team")).to_have_count(0)
    choose(page.get_by_label("Kind"), "user")
    expect(page.locator(".change", has_text="joins the team").first).to_be_visible()
    assert "subject=users" in page.url


@pytest.mark.parametrize("look", usually(NARROW))
def test_every_tab_is_drawn_in_any_width_and_theme(
    installation: Installation, window: Callable[..., Visitor], pictures: Path, look: Look
) -> None:
    theme, width = look
    visitor = window(width, theme)
    linus = user_id(installation, "linus")
    for tab in (f"Users&user={linus}", "Keys", "Retention", "Audit"):
        visitor.visit(f"settings?tab={tab}", "Settings")
        visitor.photograph(pictures / f"settings-{tab.partition('&')[0].lower()}-{theme}-{width}.png")
