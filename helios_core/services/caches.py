"""Caches: what a view showed a reader, kept until one of its tables changes.

A value is kept for the principal who read it and for nobody else, so that what somebody may not see cannot reach them
from another's reading. It is never older than a second after a change: changes are announced by the database, and while
no announcement could arrive nothing is read from here.
"""

from collections.abc import Callable, Collection
from threading import Lock
from typing import Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from helios_core.database.listening import Listener
from helios_core.database.session import Database, Principal
from helios_core.services.workspace import Workspace

Given = ParamSpec("Given")
Value = TypeVar("Value")
ENTRIES_MAX = 10_000
"""Beyond it everything is forgotten: a cache that big holds readings nobody asks for again."""


def kept_current(
    workspace: Workspace, view: Callable[Concatenate[Session, Given], Value], tables: Collection[str]
) -> "CachedView[Given, Value]":
    """A cache of `view` that follows the changes of `tables` for as long as the process lives."""
    return CachedView(workspace.database, Listener(workspace.database).start(), view, tables)


class CachedView(Generic[Given, Value]):
    """A view that is read from the database once for each principal, until a table that it reads changes."""

    def __init__(
        self,
        database: Database,
        listener: Listener,
        view: Callable[Concatenate[Session, Given], Value],
        tables: Collection[str],
    ) -> None:
        self._database = database
        self._listener = listener
        self._view = view
        # The door of the workspace depends on them, too.
        self._tables = {*tables, "feature_activations"}
        self._entries: dict[object, Value] = {}
        self._generation = 0
        self._lock = Lock()
        listener.tell(self._forget)

    def read(self, principal: Principal, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        """What the view shows `principal`: at once where nothing changed since it was read."""
        key = (principal, args, *kwargs.items()) if kwargs else (principal, args)
        if not self._listener.is_current:
            return self._load(principal, *args, **kwargs)
        try:
            return self._entries[key]
        except KeyError:
            return self._load_and_keep(key, principal, *args, **kwargs)

    def _load(self, principal: Principal, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        return Workspace(self._database, principal).read(lambda session: self._view(session, *args, **kwargs))

    def _load_and_keep(self, key: object, principal: Principal, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        generation = self._generation
        value = self._load(principal, *args, **kwargs)
        with self._lock:
            # A change that was announced while the view read may not be in what it read.
            if generation == self._generation:
                if len(self._entries) >= ENTRIES_MAX:
                    self._entries.clear()
                self._entries[key] = value
        return value

    def _forget(self, table: str | None) -> None:
        if table is None or table in self._tables:
            with self._lock:
                self._generation += 1
                self._entries.clear()
