"""Streamlit's places for text, in a real browser: `plain` and `message` leave nothing to fetch."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from helios_core.web import web_folder
from tests import forked
from tests.browser.canary import Canary
from tests.browser.conftest import free_port, wait_until_it_answers

pytestmark = pytest.mark.browser

PAGE = Path(__file__).with_name("sinks.py")


@pytest.fixture
def canary() -> Iterator[Canary]:
    """A server that should not be asked."""
    canary = Canary()
    yield canary
    canary.close()


def shown(chromium: Browser, canary: Canary, how: str, log: Path) -> str:
    """Open the page of sinks in a browser, and return the text it shows."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(PAGE), "--server.port", str(port)]
    arguments = ["--", how, canary.hostile()]
    process = forked.start([*command, *arguments], environment=os.environ, folder=web_folder(), output=log, errors=log)
    context = chromium.new_context()
    try:
        wait_until_it_answers(process.is_alive, f"http://127.0.0.1:{port}/_stcore/health", log)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}")
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        page.locator("h1", has_text="Sinks").wait_for()
        page.wait_for_timeout(2500)
        assert page.locator('[data-testid="stException"]').count() == 0
        assert page.locator(f'a[href*="{canary.address}"]').count() == 0 or how == "raw"
        return page.inner_text("body")
    finally:
        context.close()
        process.terminate()
        process.join(20)


def test_escaped_text_is_shown_and_fetches_nothing(chromium: Browser, canary: Canary, tmp_path: Path) -> None:
    text = shown(chromium, canary, "escaped", tmp_path / "web.log")
    assert canary.requests == []
    assert "![x](http" in text.replace("\u2060", "")


def test_the_same_text_unescaped_does_fetch(chromium: Browser, canary: Canary, tmp_path: Path) -> None:
    shown(chromium, canary, "raw", tmp_path / "web.log")
    assert "/markdown" in canary.requests
