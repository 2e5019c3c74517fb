"""What was read on behalf of one user is never shown to another, whoever keeps it."""

import ast
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard import live
from dashboard.live import SharedViews, shared
from helios_core.database.session import Database, Principal
from helios_core.models import MultiAgentConversation
from helios_core.services.workspace import Workspace

Value = TypeVar("Value")
ROOT = Path(__file__).parents[2]

KEPT_FOR_THE_PROCESS = {
    "dashboard/components/packaged.py": "files of the package",
    "dashboard/configured.py": "a cache that is kept for each principal",
    "dashboard/workspace.py": "the one local operator's way to the database",
    "helios_core/api/operations.py": "patterns of the paths",
    "helios_core/api/serving.py": "the server's own way to the database",
    "helios_core/database/pipeline.py": "statements, without what they ask for",
    "helios_core/database/rows.py": "statements, without what they write",
    "helios_core/database/session.py": "conditions that name a user, kept for each user",
    "helios_core/database/versions.py": "names of the package's files",
    "helios_core/services/allocations.py": "a statement, without what it asks for",
    "helios_core/services/fleet.py": "kinds, made of nothing but their arguments",
    "helios_core/services/memory.py": "nothing: what it calls a cache is a model's own",
    "helios_core/services/seat_rows.py": "a statement, without what it asks for",
    "helios_core/services/seats.py": "seats and kinds, made of nothing but their arguments",
    "helios_core/services/team/__init__.py": "files of the package",
    "helios_core/services/team/placing.py": "files of the package",
}
"""The modules that keep a function's results for the whole process, and of what."""
READING_ROOMS = ("dashboard", *(f"helios_core/{room}" for room in ("api", "database", "ingest", "services", "views")))
"""The rooms that have a database at hand."""


class ForgettingWho(SharedViews):
    """A cache as one would write it in haste: its key is what is read, and not for whom."""

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """The value under `key`, whoever asks."""
        assert isinstance(key, tuple)
        return super().get(tuple(part for part in key if not isinstance(part, Principal)), load)


def titles(session: Session) -> list[str]:
    return list(session.scalars(select(MultiAgentConversation.title)))


def seen_by_both(
    database: Database, monkeypatch: pytest.MonkeyPatch, member: Principal, other_member: Principal
) -> list[list[str]]:
    """What a page shows to each of two users, one after the other, in one process."""
    for principal in (member, other_member):
        with database.session(principal) as session:
            session.add(MultiAgentConversation(title=f"of {principal.user_id}"))
            session.commit()
    seen = []
    for principal in (member, other_member):
        place = Workspace(database, principal)
        monkeypatch.setattr(live, "workspace", lambda place=place: place)
        seen.append(shared(titles))
    return seen


def test_the_cache_of_pages_shows_each_user_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch, member: Principal, other_member: Principal
) -> None:
    own = [[f"of {member.user_id}"], [f"of {other_member.user_id}"]]
    assert seen_by_both(database, monkeypatch, member, other_member) == own


def test_a_cache_that_forgets_for_whom_it_read_is_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch, member: Principal, other_member: Principal
) -> None:
    monkeypatch.setattr(live, "views", ForgettingWho())
    first, second = seen_by_both(database, monkeypatch, member, other_member)
    assert first == second == [f"of {member.user_id}"]


def caches(source: str) -> set[str]:
    """The decorators and calls of a module that keep results for all who ask."""
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    return names & {"cache", "lru_cache", "cache_data", "cache_resource"}


def test_nothing_else_keeps_what_was_read_for_a_user() -> None:
    modules = {path for room in READING_ROOMS for path in (ROOT / room).rglob("*.py")}
    found = {path.relative_to(ROOT).as_posix(): caches(path.read_text("utf-8")) for path in modules}
    process_wide = {name for name, kinds in found.items() if kinds & {"cache", "lru_cache"}}
    assert process_wide == KEPT_FOR_THE_PROCESS.keys()
    assert {name for name, kinds in found.items() if kinds & {"cache_data", "cache_resource"}} == set()
    assert caches("@st.cache_data\ndef f(): ...") == {"cache_data"}
