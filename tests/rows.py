"""Rows for every table there is, made from the catalog: row number i belongs to user number i.

A table that a later revision adds gets its rows by itself. Where a check asks for more than a type and its choices
tell, INSERT fails with the table's name, and a line in SPECIAL helps.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from tests.catalog import Column, ForeignKey, Table

OF_TYPE = {
    "text": "'u' || i || '_{name}'",
    "character varying": "'u' || i || '_{name}'",
    "bigint": "i",
    "integer": "i",
    "smallint": "1",
    "double precision": "1",
    "real": "1",
    "boolean": "i % 2 = 0",
    "jsonb": "jsonb_build_object('of', 'u' || i, 'letters', E'\\u00fc\\u201c', 'nothing', NULL)",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "timestamptz '2026-03-29 00:59:30Z' + i * interval '1 second'",
}
"""What a column of each type holds in row number i."""

SPECIAL = {
    ("feature_activations", "is_enabled"): "CASE WHEN owner.id IS NOT NULL THEN true END",
    ("feature_activations", "rollout_percent"): "CASE WHEN owner.id IS NULL THEN 50 END",
    ("api_keys", "key_id"): "'k' || lpad(i::text, 7, '0')",
    # The default of all users has moves, too; there are as many plans as users.
    ("placement_moves", "plan_id"): "(SELECT min(id) FROM placement_plans)",
    ("gpu_sample_rollups", "resolution_seconds"): "3600",
    ("provider_endpoints", "address"): "'http://u' || i",
    ("provider_endpoints", "is_enabled"): "false",
    ("quality_scores", "synthesis_id"): "NULL",
    ("quality_scores", "source"): "'person'",
    ("quality_scores", "judge_id"): "NULL",
    ("quality_scores", "scale_high"): "5",
    # Only a default of all users may stand there, and only where there is no configuration of the user's own.
    ("gpu_allocations", "default_configuration_id"): "NULL",
}
"""What the checks of a column ask for, where that cannot be read from the catalog."""


def fill(connection: Connection, tables: Iterable[Table], users: int) -> None:
    """Give every table one row for each of `users` new users, and one of nobody's where that may be."""
    for table in tables:
        connection.execute(text(insert_rows(table, users).replace(":", r"\:")))


def insert_rows(table: Table, users: int) -> str:
    """The INSERT that fills `table`."""
    values, joins = {}, []
    for key in table.foreign_keys:
        referring = next((name for name in key.columns if name != table.owner_column or len(key.columns) == 1), "")
        if key.target != table.name and (table.name, referring) not in SPECIAL:
            joins.append(_nth_row(key, referring))
            values[referring] = f'"of_{referring}".{key.target_columns[key.columns.index(referring)]}'
    for column in table.columns.values():
        if (table.name, column.name) in SPECIAL:
            values[column.name] = SPECIAL[table.name, column.name]
        elif column.name not in values and _is_filled(table, column):
            values[column.name] = _value(table, column)
    return (
        f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM generate_series(1, {_row_count(table, users)}) AS i "
        f"LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) AS i FROM users) AS owner USING (i) {' '.join(joins)}"
    )


def _nth_row(key: ForeignKey, column: str) -> str:
    """The join with the row of the target that belongs to the same user; an inventory is taken in its own order."""
    order = "id" if key.target == "users" else "(to_jsonb(t) ->> 'user_id')::bigint NULLS LAST"
    return (
        f"LEFT JOIN (SELECT *, row_number() OVER (ORDER BY {order}, {', '.join(key.target_columns)}) AS nth "
        f'FROM {key.target} t) AS "of_{column}" ON "of_{column}".nth = i'
    )


def _is_filled(table: Table, column: Column) -> bool:
    """Whether a row has to, or at least can, bring a value of its own."""
    if column.is_identity or (column.has_default and column.name != table.owner_column):
        return False
    return not column.is_nullable or not table.is_checked(column.name) or bool(table.choices(column.name))


def _value(table: Table, column: Column) -> str:
    choices = table.choices(column.name) or column.enum_values
    if choices:
        literals = ", ".join(f"'{choice}'" for choice in choices)
        return f"(ARRAY[{literals}]::{column.type}[])[1 + (i - 1) % {len(choices)}]"
    return OF_TYPE[column.type].format(name=column.name) if "{name}" in OF_TYPE[column.type] else OF_TYPE[column.type]


def _row_count(table: Table, users: int) -> int:
    """As many rows as users, and one more where a row may be nobody's; fewer where a key has only so many values."""
    owner = table.columns.get(table.owner_column or "")
    wanted = users + (1 if owner is not None and owner.is_nullable else 0)
    keys = [table.choices(unique.columns[0]) for unique in table.uniques if len(unique.columns) == 1]
    return min([wanted, *(len(choices) for choices in keys if choices)])
