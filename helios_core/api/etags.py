"""ETags: an edit names what its editor saw, so that nobody overwrites what they have not seen."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Header
from starlette.exceptions import HTTPException

from helios_core.errors import EditConflict

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        description="Required: the `ETag` of what you saw. Without it the answer is 428, after another's save 412.",
    ),
]

SHOWN: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "Names what you see.", "schema": {"type": "string"}}}}
}
"""How an operation documents that it shows an ETag."""
CHECKED: dict[int | str, dict[str, Any]] = {
    412: {"description": "Somebody else saved first."},
    428: {"description": "No `If-Match` says what the editor saw."},
}
"""How an edit documents that it asks for one."""


def of_version(version: int, *, is_own: bool) -> str:
    """The tag of a version of a configuration: of one's own, or of the default of all users."""
    return f'"{"own" if is_own else "default"}-{version}"'


def of_time(updated_at: datetime) -> str:
    """The tag of what was saved last at `updated_at`."""
    return f'"{updated_at.timestamp():.6f}"'


def of_values(values: Mapping[str, Any]) -> str:
    """The tag of what has nothing but its values to tell it apart."""
    return f'"{hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]}"'


def require_match(if_match: str | None, current: str) -> None:
    """Raise where the request does not say that its editor saw `current`. `*` would be a save unseen."""
    if if_match is None or if_match.strip() == "*":
        raise HTTPException(428, "Name the ETag of what you saw, as `If-Match`, so that nobody's save is overwritten")
    if current not in (tag.strip() for tag in if_match.split(",")):
        message = "It was saved since you read it; read it again, and send your changes with its ETag."
        raise EditConflict(message)
