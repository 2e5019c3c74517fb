"""Somebody who is no operator before the pages: they see their own, and are offered nothing that is refused."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Principal, principal_of
from helios_core.errors import NotAllowed
from helios_core.models import MultiAgentConversation, User
from helios_core.services.activation import set_enabled_for
from helios_core.services.keys import Scope, create_key
from helios_core.services.plans import apply_plan
from helios_core.services.users import create_user
from helios_core.services.workspace import Workspace
from tests.browser import scene
from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser


def draw(session: Session) -> None:
    """The usual scene; then another admin, to whom the conversations belong, and the viewer is a plain user."""
    scene.draw(session)
    me = principal_of(session).user_id
    admin = create_user(session, "ada", "admin", reason="takes over")
    session.execute(update(MultiAgentConversation).values(title="Of ada alone", question="Of ada alone"))
    create_key(session, "of ada", Scope.READ, 30, admin)
    create_key(session, "my own", Scope.READ, 30)
    session.execute(update(User).where(User.id == me).values(role="user"))


def my_account(installation: Installation, **values: object) -> None:
    """Change the viewer's account behind the dashboard's back."""
    me = installation.workspace.principal.user_id
    system = installation.workspace.on_behalf_of(SYSTEM)
    system.act(lambda session: session.execute(update(User).where(User.id == me).values(**values)))


def enable(installation: Installation, is_enabled: bool | None) -> None:
    """Say whether Helios is enabled for the viewer."""
    me = installation.workspace.principal.user_id or 0
    installation.workspace.on_behalf_of(SYSTEM).act(lambda session: set_enabled_for(session, me, is_enabled))


@pytest.fixture(autouse=True)
def as_before(installation: Installation) -> Iterator[None]:
    """Undo what a test did to the viewer's account."""
    yield
    my_account(installation, role="user", is_active=True)
    enable(installation, None)


def test_a_member_sees_their_own_account_keys_and_changes_and_no_form_of_operators(visitor: Visitor) -> None:
    page = visitor.visit("settings?tab=Users", "Settings")
    expect(page.locator(".account")).to_have_count(1)
    expect(page.get_by_role("button", name="Add", exact=True)).to_have_count(0)
    expect(page.get_by_role("slider")).to_have_count(0)
    page.locator("a.account").click()
    expect(page.get_by_text("An admin may change what you may do")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)

    page = visitor.visit("settings?tab=Keys", "Settings")
    expect(page.get_by_text("my own")).to_be_visible()
    expect(page.get_by_text("of ada")).to_have_count(0)
    expect(page.get_by_label("Of", exact=True)).to_have_count(0)

    page = visitor.visit("settings?tab=Retention", "Settings")
    expect(page.get_by_text("kept for ever").first).to_be_visible()
    expect(page.get_by_text("Operators see here what has expired")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)

    page = visitor.visit("settings?tab=Audit", "Settings")
    expect(page.locator(".change", has_text="my own")).to_be_visible()
    expect(page.locator(".change", has_text="ada")).to_have_count(0)


def test_a_member_may_try_drafts_of_placement_and_apply_none(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("placement", "Placement")
    expect(page.get_by_text("You may try drafts here; an operator applies them.")).to_be_visible()
    expect(page.locator("section.gpu")).to_have_count(3)
    page.get_by_role("button", name="GPU 1", exact=True).click()
    expect(page.get_by_text("Draft:")).to_be_visible()
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    for tab, button, key in (("Rules", "Add a rule", "rule"), ("Constraints", "Add a constraint", "constraint")):
        page = visitor.visit(f"placement?tab={tab}&{key}=new", "Placement")
        expect(page.get_by_label("Reason")).to_have_count(0)
        expect(page.get_by_role("button", name=button)).to_have_count(0)
        expect(page.locator(f".st-key-card_{key} input").first).to_be_disabled()
    with pytest.raises(NotAllowed):
        as_viewer(installation).act(lambda session: apply_plan(session, 1))


def as_viewer(installation: Installation) -> Workspace:
    """The services, as the viewer may use them."""
    return installation.workspace.on_behalf_of(Principal(installation.workspace.principal.user_id, "user"))


def test_a_user_for_whom_helios_is_off_gets_one_sentence_until_it_is_on_again(
    installation: Installation, visitor: Visitor
) -> None:
    enable(installation, is_enabled=False)
    for path in ("", "agents", "placement?tab=Rules", "settings"):
        page = visitor.visit(path, "Helios")
        expect(page.get_by_text("Helios is not enabled for you; ask an operator.")).to_have_count(1)
        expect(page.locator(".stMainBlockContainer a")).to_have_count(0)
    enable(installation, is_enabled=True)
    expect(page.locator("h1", has_text="Settings")).to_be_visible(timeout=15_000)


def test_an_open_page_follows_the_account_that_somebody_changes(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("settings?tab=Keys", "Settings")
    expect(page.get_by_text("user · this machine")).to_be_visible()
    expect(page.get_by_role("button", name="Make the key")).to_be_visible()
    my_account(installation, role="viewer")
    expect(page.get_by_text("viewer · this machine")).to_be_visible()
    expect(page.get_by_role("button", name="Make the key")).to_have_count(0)
    my_account(installation, is_active=False)
    expect(page.get_by_text("Your account is switched off")).to_be_visible()
    expect(page.get_by_text("my own")).to_have_count(0)
    my_account(installation, is_active=True)
    expect(page.get_by_text("viewer · this machine")).to_be_visible(timeout=15_000)
