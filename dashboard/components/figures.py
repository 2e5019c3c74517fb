"""A row of figures: what is measured, how much it is, and what there is to say about it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dashboard.components.packaged import component


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. Its texts are ours, or have gone through `clean`."""

    label: str
    value: str
    note: str = ""


def figures(key: str, rows: Sequence[Figure]) -> None:
    """Show `rows` side by side."""
    component("figures")(key=key, data={"figures": [{"key": row.label, **asdict(row)} for row in rows]})
