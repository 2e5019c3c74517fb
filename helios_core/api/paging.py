"""Pages of long lists: a cursor says where the next one begins, and stays right whatever is added meanwhile."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import Field

from helios_core.api.resources import LARGEST_BIGINT, Resource
from helios_core.errors import InvalidInput
from helios_core.views.paging import Cursor, Page

Item = TypeVar("Item")
Row = TypeVar("Row")

LARGEST_PAGE = 200
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many items a page has at most.")]


class Listing(Resource, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(
        default=None,
        description="The `cursor` of the next page; null where there is none. It tells nothing else.",
        examples=["MjAyNi0xMS0yMlQxMjozODowMCswMDowMH4xMg"],
    )


def page_of(page: Page[Row]) -> dict[str, object]:
    """A view's page as a Listing."""
    return {"items": page.rows, "next": None if page.older is None else written(page.older)}


def all_of(rows: tuple[Row, ...]) -> dict[str, object]:
    """A whole list as a Listing."""
    return {"items": rows}


def written(cursor: Cursor) -> str:
    """A cursor as text that fits into a URL."""
    return base64.urlsafe_b64encode(f"{cursor.created_at.isoformat()}~{cursor.id}".encode()).decode().rstrip("=")


def read_cursor(
    cursor: Annotated[
        str | None, Query(max_length=100, description="Where the page begins: `next` of the page before it.")
    ] = None,
) -> Cursor | None:
    """Where the page begins; InvalidInput where no page said so."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        created_at, _, row_id = text.partition("~")
        found = Cursor(datetime.fromisoformat(created_at), int(row_id))
    except (binascii.Error, ValueError) as error:
        raise InvalidInput({"cursor": _UNKNOWN}) from error
    if written(found) != cursor or found.created_at.utcoffset() is None or not 0 <= found.id <= LARGEST_BIGINT:
        raise InvalidInput({"cursor": _UNKNOWN})
    return found


_UNKNOWN = "This is not where a page begins; take `next` of the page before it, or leave it out."

After = Annotated[Cursor | None, Depends(read_cursor)]
