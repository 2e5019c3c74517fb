"""The real dashboard, as a process of its own, before a real Chromium."""

import os
import random
import shutil
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from re import Pattern
from threading import Event, Thread
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    ViewportSize,
    sync_playwright,
)
from pydantic import SecretStr
from sqlalchemy import make_url

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database
from helios_core.services.users import ensure_local_operator
from helios_core.services.workspace import Workspace
from helios_core.web import LOOPBACK, web_command, web_folder
from tests import forked
from tests.browser import scene
from tests.browser.looks import Look, Theme
from tests.browser.wire import Wire
from tests.conftest import at_database, copy_database, execute

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_SECONDS = 60
FAULTS = '[data-testid="stException"], [data-testid="stAlertContentError"]'
WHOLE_HEIGHT = """() => Math.max(
    700, document.querySelector('[data-testid="stMainBlockContainer"]').getBoundingClientRect().height + 60)"""
DRAWING_MS = 300
"""What has come to the browser is drawn in this time."""
SCROLLING_MS = 100
"""A page that was scrolled is at rest by then."""


@dataclass(frozen=True)
class Installation:
    """A database with a scene in it, and the dashboard that shows it."""

    address: str
    workspace: Workspace
    wire: Wire

    def act(self, use_case: Callable[..., object]) -> None:
        """Change something behind the dashboard's back."""
        self.workspace.act(use_case)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium. Its driver's event loop must end before other tests of this process run their own."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def installation(
    request: pytest.FixtureRequest, template: ServerUrls, port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One dashboard for the tests of a module, before a database of its own; a module's `draw` adds to the scene."""
    name = f"browser_{request.module.__name__.rpartition('.')[2]}"
    with fresh_database(template, name) as url:
        database = Database(connect(url))
        system = Workspace(database, SYSTEM)
        workspace = system.on_behalf_of(system.act(ensure_local_operator))
        workspace.act(getattr(request.module, "draw", scene.draw))
        parsed = make_url(url.get_secret_value())
        wire = Wire(parsed.port or 5432)
        through_wire = parsed.set(port=wire.port).render_as_string(hide_password=False)
        with served(through_wire, port, tmp_path_factory.mktemp("web")) as address, beating(workspace):
            yield Installation(address, workspace, wire)
        wire.close()
        database.close()


@contextmanager
def fresh_database(template: ServerUrls, name: str) -> Iterator[SecretStr]:
    """A migrated database for a while, as the application's role."""
    owner = connect(at_database(template.owner, "postgres"))
    copy_database(owner, "helios", name)
    try:
        yield at_database(template.application, name)
    finally:
        execute(owner, f"DROP DATABASE {name}")
        owner.dispose()


@contextmanager
def beating(workspace: Workspace) -> Iterator[None]:
    """Read the cards of the scene once a second, as a collector does."""
    is_over = Event()

    def read_cards() -> None:
        while not is_over.wait(1.0):
            workspace.act(scene.beat)

    reader = Thread(target=read_cards)
    reader.start()
    yield
    is_over.set()
    reader.join()


@pytest.fixture(scope="session")
def port() -> int:
    """Where the dashboards of this run answer, one after the other: a browser knows pages again by their address."""
    while True:
        port = random.randrange(20_000, 30_000)  # below those that the machine gives to whoever connects
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port


@contextmanager
def served(database_url: str, port: int, folder: Path) -> Iterator[str]:
    """The dashboard, started as `helios serve` starts it, before the database at a URL; its address."""
    log = folder / "web.log"
    environment = {**os.environ, "HELIOS_DATABASE_URL": database_url, "HELIOS_DATA": str(folder)}
    process = forked.start(web_command(port), environment=environment, folder=web_folder(), output=log, errors=log)
    try:
        wait_until_it_answers(process.is_alive, f"http://127.0.0.1:{port}/_stcore/health", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join(20)
        process.kill()


def wait_until_it_answers(lives: Callable[[], bool], address: str, log: Path) -> None:
    """Return when a process that lives serves `address`, or fail with what it said."""
    deadline = time.monotonic() + START_SECONDS
    while lives() and time.monotonic() < deadline:
        with suppress(URLError, ConnectionError), urlopen(address):
            return
        time.sleep(0.1)
    pytest.fail(f"the dashboard did not start: {log.read_text()}")


def free_port() -> int:
    """A port of loopback that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Visitor:
    """Somebody before a browser window of the dashboard."""

    page: Page
    address: str

    def visit(self, path: str, heading: str | None = None) -> Page:
        """Open a page of the dashboard, and wait until it is drawn."""
        self.page.goto(f"{self.address}/{path}")
        self.page.locator("h1", has_text=heading).first.wait_for()
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until nothing runs and nothing is only sketched any more."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        self.page.wait_for_function("!document.querySelector('[data-testid=\"stSkeleton\"]')")
        self.page.wait_for_load_state("networkidle")

    def photograph(self, path: Path) -> None:
        """Take a picture of the whole page, however long; fail where it shows a fault, or is wider than the window."""
        size = self.page.viewport_size
        assert size is not None
        self.page.set_viewport_size({"width": size["width"], "height": int(self.page.evaluate(WHOLE_HEIGHT))})
        self.settle()
        self.page.wait_for_timeout(DRAWING_MS)
        self.page.screenshot(path=path)
        assert self.page.locator(FAULTS).count() == 0
        assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        self.page.set_viewport_size(size)


class Windows:
    """Windows of each look, opened again and again: what pages are made of is fetched and compiled once."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._profiles: dict[Look, BrowserContext] = {}
        self._closed: defaultdict[Look, list[Page]] = defaultdict(list)

    def open(self, look: Look) -> Page:
        """An empty window in which nothing was chosen before."""
        return self._closed[look].pop() if self._closed[look] else self._profile(look).new_page()

    def close(self, look: Look, page: Page) -> None:
        """Forget what was chosen in a window, and keep it for the next who opens one, unless its tab is closed."""
        if page.is_closed():
            return
        with suppress(Error):  # a page that was never opened has nothing
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.goto("about:blank")
        page.set_viewport_size(size_of(look))
        page.context.clear_cookies()
        self._closed[look].append(page)

    def _profile(self, look: Look) -> BrowserContext:
        if look not in self._profiles:
            self._profiles[look] = self._chromium.new_context(
                viewport=size_of(look), color_scheme=look[0], timezone_id="Europe/Vienna", locale="en-GB"
            )
        return self._profiles[look]


def size_of(look: Look) -> ViewportSize:
    """How large a window of this look is."""
    width = look[1]
    return {"width": width, "height": 1030 if width > 600 else 900}


@pytest.fixture(scope="package")
def windows(chromium: Browser) -> Windows:
    """The windows of this browser."""
    return Windows(chromium)


@pytest.fixture
def window(windows: Windows, installation: Installation) -> Iterator[Callable[..., Visitor]]:
    """Open windows of any width and theme; nothing that was chosen in one outlives the test."""
    opened: list[tuple[Look, Page]] = []

    def open_window(width: int = 1440, theme: Theme = "light") -> Visitor:
        look: Look = (theme, width)
        page = windows.open(look)
        opened.append((look, page))
        return Visitor(page, installation.address)

    yield open_window
    for look, page in opened:
        windows.close(look, page)


@pytest.fixture
def visitor(window: Callable[..., Visitor]) -> Visitor:
    """Somebody before a wide window."""
    return window()


def choose(field: Locator, name: str | Pattern[str]) -> None:
    """Open a field's list and take a choice. It closes where the page moves under it, and is opened once more."""
    choice = field.page.get_by_role("option", name=name).first
    field.hover()  # scrolls there, and again where the page is drawn anew meanwhile
    field.page.wait_for_timeout(SCROLLING_MS)
    field.click()
    try:
        choice.click(timeout=5000)
    except Error:
        field.click()
        choice.click()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the pages are kept: $HELIOS_PICTURES, or pytest's folder."""
    chosen = os.environ.get("HELIOS_PICTURES")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
