"""Lists whose entries lead to the page of the thing: a plain click stays in the viewer's session."""

from collections.abc import Sequence
from typing import Any

from dashboard.chrome import open_page, select
from dashboard.components.packaged import component

Target = dict[str, Any]


def target(page: str, **selection: str | int) -> Target:
    """Where an entry leads: a page of app_pages/, and what to select there."""
    return {"page": page, "selection": {name: str(value) for name, value in selection.items()}}


def linked(
    name: str, field: str, entries: Sequence[dict[str, Any]], key: str | None = None, *, stays: bool = False
) -> None:
    """Show the component `name` with `entries` as its data's `field`, and follow the link that is clicked.

    `stays`: entries lead to a part of the page that is open, beside what its URL says already.
    """
    chosen = component(name)(key=key or name, data={field: list(entries)}, on_open_change=_follow_after_this_run)
    if chosen.open and stays:
        select(**chosen.open["selection"])
    elif chosen.open:
        open_page(str(chosen.open["page"]), **chosen.open["selection"])


def _follow_after_this_run() -> None:
    """The click is read from the component's result; Streamlit reports it only where a callback is given."""
