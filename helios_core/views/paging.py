"""Pages of long lists, newest first, each continued from where the one before it ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row that was seen; the next page holds what is older."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and where the older ones begin; without `older` there are none."""

    rows: tuple[Row, ...]
    older: Cursor | None


def older_than(
    cursor: Cursor | None, created_at: InstrumentedAttribute[datetime], row_id: InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    """Only rows before `cursor` in the order newest first."""
    if cursor is None:
        return true()
    at: Any = tuple_(cursor.created_at, cursor.id)
    # The first half alone can be an index condition; the second settles rows of one instant.
    return and_(created_at <= cursor.created_at, tuple_(created_at, row_id) < at)
