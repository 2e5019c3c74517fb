"""While the database is away, pages show what they knew, say how old it is, and recover by themselves."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser

FAULTS = '[data-testid="stException"]'


def healthz(address: str) -> tuple[int, dict[str, object]]:
    """Status and body of /healthz."""
    try:
        with urlopen(f"{address}/healthz") as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_a_page_outlives_its_database(installation: Installation, visitor: Visitor) -> None:
    page = visitor.visit("", "Overview")
    notice = page.get_by_text("The database does not answer since")
    assert healthz(installation.address)[0] == 200
    installation.wire.cut()
    try:
        expect(notice).to_be_visible(timeout=30_000)
        expect(page.locator(".agent")).to_have_count(12)
        assert page.locator(FAULTS).count() == 0
        status, body = healthz(installation.address)
        assert status == 503
        assert body["status"] == "unavailable"
    finally:
        installation.wire.mend()
    expect(notice).to_have_count(0, timeout=30_000)
    assert healthz(installation.address)[0] == 200


def test_a_page_that_was_never_seen_says_what_is_wrong(installation: Installation, visitor: Visitor) -> None:
    installation.wire.cut()
    try:
        page = visitor.visit("?range=7d", "Overview")
        assert page.locator(FAULTS).count() == 0
        page = visitor.visit("settings", "Settings")
        expect(page.get_by_text("The database does not answer").first).to_be_visible(timeout=30_000)
        assert page.locator(FAULTS).count() == 0
        assert "Traceback" not in page.inner_text("body")
    finally:
        installation.wire.mend()
