"""Tables for the terminal, and JSON for programs."""

import json
from collections.abc import Sequence

from pydantic_core import to_jsonable_python


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns under their headings, as wide as they need; unknown is "n/a", and numbers stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(headings), *cells]) for column in range(len(headings))]
    numeric = [bool(rows) and all(_is_numeric(row[column]) for row in rows) for column in range(len(headings))]
    lines = [headings, *cells]
    return "\n".join(_line(line, widths, numeric) for line in lines)


def as_json(value: object) -> str:
    """`value`, made of dataclasses and plain values, as JSON; times in ISO 8601, unknown as null."""
    return json.dumps(to_jsonable_python(value), indent=2, ensure_ascii=False)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return "n/a" if value is None else " ".join(str(value).split())


def _is_numeric(value: object) -> bool:
    return value is None or isinstance(value, int | float)
