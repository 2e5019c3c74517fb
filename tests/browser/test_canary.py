"""Whatever a model or a user wrote, wherever it is stored, no page fetches, runs or opens anything of it."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect
from sqlalchemy import Column, ColumnElement, Text, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute, Session

from dashboard.chrome import NAVIGATION, PAGES
from helios_core.models import AgentConfiguration, MultiAgentConversation, TaskDelegation
from helios_core.models.base import Base
from tests.browser import scene
from tests.browser.canary import Canary
from tests.browser.conftest import Installation, Visitor

pytestmark = pytest.mark.browser
ASKING_MS = 1000
"""What a page asks for is asked for in this time."""


@cache
def canary() -> Canary:
    """The one canary of this module."""
    return Canary()


@pytest.fixture(scope="module", autouse=True)
def listening() -> Iterator[None]:
    """Listen as long as the module runs."""
    yield
    canary().close()


def draw(session: Session) -> None:
    """The usual scene, with a hostile text in every column that takes one."""
    scene.draw(session)
    session.flush()
    poison(session, canary().hostile())
    session.expire_all()


def poison(session: Session, text: str) -> set[str]:
    """Write `text` into every column of texts or JSON that takes it; those that refuse keep what they held."""
    poisoned = set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            value = spoiled(column, text)
            if value is None:
                continue
            try:
                with session.begin_nested():
                    session.execute(update(table).values({column: value}))
                poisoned.add(f"{table.name}.{column.name}")
            except DBAPIError:
                continue
    return poisoned


def spoiled(column: Column[Any], text: str) -> ColumnElement[Any] | None:
    """What to write into `column` so that it shows `text`; None where it holds no text."""
    if isinstance(column.type, JSONB):
        return func.jsonb_build_array(text, func.jsonb_build_object(text, text))
    if isinstance(column.type, Text):
        return func.left(cast(column, Text), 40) + text
    return None


def selections(installation: Installation) -> list[str]:
    """The pages, and each page with something selected on it."""

    def first(column: InstrumentedAttribute[Any]) -> object:
        return installation.workspace.read(lambda session: session.scalars(select(column).limit(1)).first())

    chosen = [
        "gpus?gpu=0",
        f"agents?agent={first(AgentConfiguration.agent_id)}",
        f"delegations?delegation={first(TaskDelegation.id)}",
        f"conversations?conversation={first(MultiAgentConversation.id)}",
    ]
    there = [name for name in NAVIGATION if (PAGES / f"{name}.py").exists()]
    return ["", *there, *(path for path in chosen if path.partition("?")[0] in there)]


def open_everything(visitor: Visitor) -> None:
    """Look behind every tab and into every fold."""
    open_folds(visitor.page)
    tabs = visitor.page.get_by_role("tab")
    for number in range(1, tabs.count()):
        tabs.nth(number).click()
        panel = visitor.page.get_by_role("tabpanel").locator("visible=true").first
        expect(panel.get_by_test_id("stElementContainer").first).to_be_visible()
        visitor.settle()
        open_folds(visitor.page)


def open_folds(page: Page) -> None:
    """Open all that are closed; each that opens is none of them any more."""
    closed = page.locator('[data-testid="stExpander"]:visible details:not([open]) > summary')
    for _ in range(closed.count()):
        closed.first.click()


def test_most_columns_take_a_hostile_text(installation: Installation) -> None:
    with installation.workspace.database.session(installation.workspace.principal) as session:
        poisoned = poison(session, canary().hostile())
    assert {"multi_agent_conversations.title", "task_delegations.task_description", "agent_profiles.display_name",
            "gpu_resources.name", "gpu_processes.name", "agent_configurations.system_prompt", "collectors.message",
            "task_delegations.requirements", "gpu_events.message"} <= poisoned  # fmt: skip


def test_no_page_asks_for_what_a_foreign_text_names(installation: Installation, window: Callable[..., Visitor]) -> None:
    visitor = window()
    asked: list[str] = []
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.on("dialog", dismiss)
    for path in selections(installation):
        page = visitor.visit(path)
        open_everything(visitor)
        assert page.locator(f'[href*="{canary().address}"], [src*="{canary().address}"]').count() == 0, path
    visitor.page.wait_for_timeout(ASKING_MS)
    assert canary().requests == []
    assert dialogs == []
    assert [url for url in asked if not url.startswith((installation.address, "data:", "blob:"))] == []
