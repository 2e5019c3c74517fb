"""Lists that grow by older pages as somebody asks for them."""

from collections.abc import Callable
from typing import Any, TypeVar

from dashboard.live import shared
from helios_core.views.paging import Cursor, Page

Which = TypeVar("Which")
Row = TypeVar("Row")


def pages(
    view: Callable[[Any, Which, Cursor | None, int], Page[Row]], which: Which, number: int, rows_each: int
) -> tuple[list[Row], Cursor | None]:
    """The first `number` pages of a view in one list, and where the next one begins."""
    rows: list[Row] = []
    older: Cursor | None = None
    for _ in range(number):
        page = shared(view, which, older, rows_each)
        rows += page.rows
        older = page.older
        if older is None:
            break
    return rows, older
