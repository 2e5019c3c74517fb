"""Rows by the dozen: however many there are, one statement with one parameter adds them."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Column, Table, TextClause, text
from sqlalchemy.orm import Session

from helios_core.database.sending import ask, send
from helios_core.models import Base


def insert_rows(
    session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], *returning: str
) -> Sequence[Any]:
    """Add rows that name the same columns, and return the columns `returning` of each, in no certain order.

    The server takes the values out of JSON as the table has its columns; defaults of the model are filled in.
    """
    if not rows:
        return ()
    session.flush()
    table = cast("Table", model.__table__)
    makers = {column.key: make for column in table.columns if column.key not in rows[0] and (make := _maker(column))}
    complete = [{**row, **{name: make(None) for name, make in makers.items()}} for row in rows]
    statement = _insert(table, tuple(complete[0]), returning)
    parameters = {"rows": json.dumps(complete, default=str, ensure_ascii=False)}
    if returning:
        return ask(session, statement, parameters).all()
    send(session, statement, parameters)
    return ()


def _maker(column: Column[Any]) -> Callable[[None], object] | None:
    """What makes a column's default here, for each row."""
    default: Any = column.default
    return default.arg if default is not None and default.is_callable else None


@lru_cache
def _insert(table: Table, given: tuple[str, ...], returning: tuple[str, ...]) -> TextClause:
    """Rows bring the model's own defaults, too: a host's column may have none."""
    values = {name: f"new.{name}" for name in given}
    for column in table.columns:
        if column.key not in given and column.default is not None:
            values[column.key] = _literal(column)
    shown = f" RETURNING {', '.join(returning)}" if returning else ""
    return text(
        f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} "  # noqa: S608 (our names)
        f"FROM json_populate_recordset(NULL::{table.name}, CAST(:rows AS json)) AS new{shown}"
    )


def _literal(column: Column[Any]) -> str:
    """A column's default as SQL."""
    default: Any = column.default
    return str(default.arg) if default.is_clause_element else f"'{default.arg}'"
