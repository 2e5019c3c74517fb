"""Model servers on the Settings page, and a provider's own list in the agent form."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from helios_core.services.providers import REHEARSAL, delete_endpoint, offer_rehearsal
from helios_core.views.providers import ModelServer, list_model_servers
from tests.browser.conftest import Installation, Visitor, choose
from tests.browser.looks import LOOKS, Look
from tests.providers.served import served
from tests.providers.wire import KEY, Wire

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ollama() -> Iterator[str]:
    """The address of an Ollama with two models."""
    with served(Wire().app()) as port:
        yield f"http://127.0.0.1:{port}/ollama"


def servers(installation: Installation) -> list[ModelServer]:
    return list(installation.workspace.read(list_model_servers).servers)


def remove(installation: Installation, name: str) -> None:
    """Forget a server that an earlier attempt may have added."""
    for server in servers(installation):
        if server.name == name:
            installation.act(partial(delete_endpoint, endpoint_id=server.id, expected_updated_at=server.updated_at))


def fill(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        page.locator(".st-key-card_server").get_by_label(label, exact=True).fill(value)


def test_a_rehearsal_says_that_every_answer_is_made_up(installation: Installation, visitor: Visitor) -> None:
    installation.act(lambda session: offer_rehearsal(session, "http://127.0.0.1:9"))
    page = visitor.visit("settings?tab=Providers", "Settings")
    expect(page.locator(".st-key-card_providers")).to_contain_text("every answer is made up")
    expect(page.locator('[class*="st-key-server_"]', has_text=REHEARSAL)).to_contain_text("made up by Helios")
    expect(visitor.visit("gpus", "GPUs").get_by_text("rehearsal answers")).to_be_visible()


def test_a_model_server_is_refused_where_it_cannot_be_then_added_and_asked(
    installation: Installation, visitor: Visitor, ollama: str
) -> None:
    page = visitor.visit("settings?tab=Providers", "Settings")
    fill(page, Name="Ollama upstairs", Address="ftp://127.0.0.1")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".st-key-card_server")).to_contain_text("An address begins with", timeout=15_000)
    fill(page, Address=ollama)
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.locator('[class*="st-key-server_"]', has_text="Ollama upstairs")
    expect(row).to_contain_text("2 models")
    assert [server.address for server in servers(installation) if not server.is_rehearsal] == [ollama]


def test_a_sealed_key_is_given_and_never_shown(installation: Installation, visitor: Visitor) -> None:
    remove(installation, "vLLM")
    page = visitor.visit("settings?tab=Providers", "Settings")
    choose(page.locator(".st-key-card_server").get_by_label("Speaks as"), "OpenAI, vLLM")
    fill(page, Name="vLLM", Address="http://127.0.0.1:9/v1")
    choose(page.locator(".st-key-card_server").get_by_label("Key", exact=True), "in the database, sealed")
    page.get_by_role("textbox", name="The key").fill(KEY)
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.locator('[class*="st-key-server_"]', has_text="vLLM")
    expect(row).to_contain_text(f"ends with …{KEY[-4:]}")
    expect(row).to_contain_text("check that vLLM runs")
    expect(page.get_by_role("textbox", name="The key")).to_have_count(0)
    assert KEY not in page.content()
    row.get_by_role("button").click()
    page.wait_for_url("**server=*")
    expect(page.get_by_role("textbox", name="The key")).to_have_value("")
    assert next(server for server in servers(installation) if server.name == "vLLM").key_source == "database"


def test_an_agents_model_is_chosen_from_the_providers_own_list(visitor: Visitor) -> None:
    page = visitor.visit("agents?agent=technical_expert&tab=Configuration", "Technical Expert")
    form = page.locator(".st-key-card_configuration")
    expect(form).to_contain_text("2 models listed by Ollama upstairs")
    form.get_by_label("Model", exact=True).click()
    expect(page.get_by_role("option", name="zeta")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_model_servers_are_drawn_in_any_width_and_theme(
    window: Callable[..., Visitor], pictures: Path, look: Look
) -> None:
    theme, width = look
    visitor = window(width, theme)
    visitor.visit("settings?tab=Providers", "Settings")
    visitor.photograph(pictures / f"settings-providers-{theme}-{width}.png")
