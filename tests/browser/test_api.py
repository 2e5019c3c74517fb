"""The REST API beside the pages: it answers in their process, and its documentation is drawn from our own files."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from helios_core.services.keys import Scope, create_key
from tests.api.client import Client
from tests.browser.conftest import Installation, Visitor
from tests.browser.looks import WIDE, Look, usually

pytestmark = pytest.mark.browser


def test_it_answers_in_the_process_of_the_pages(installation: Installation) -> None:
    key = installation.workspace.act(lambda session: create_key(session, "beside", Scope.READ, days=1))
    port = urlsplit(installation.address).port
    assert port is not None
    assert len(Client(port, key.text).get("/gpus")["items"]) > 0
    assert Client(port).send("GET", "/gpus").status == 401


@pytest.mark.parametrize("look", usually(WIDE))
def test_the_documentation_shows_every_operation_and_fetches_nothing_from_elsewhere(
    window: Callable[..., Visitor], pictures: Path, look: Look
) -> None:
    theme, width = look
    visitor = window(width, theme)
    asked, faults = [], []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.on("pageerror", lambda error: faults.append(str(error)))
    visitor.page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page = visitor.page
    page.goto(f"{visitor.address}/api/docs")
    described = page.request.get(f"{visitor.address}/api/openapi.json").json()
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    expect(page.locator("h2")).to_have_count(len({tag for operation in operations for tag in operation["tags"]}))
    expect(page.locator("details")).to_have_count(len(operations))
    for operation in page.locator("summary").all():
        operation.click()
    opened = page.locator("details", has_text="Save these fields as the next version")
    expect(opened.locator("pre").first).to_contain_text("If-Match")
    expect(opened).to_contain_text("context_tokens")
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=pictures / f"api-{theme}-{width}.png")
    opened.scroll_into_view_if_needed()
    page.screenshot(path=pictures / f"api-operation-{theme}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith(visitor.address)] == []
    assert faults == []
