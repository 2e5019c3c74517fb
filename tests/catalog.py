"""What PostgreSQL's own catalog says of the tables, so that a new one joins every proof by itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Column:
    """One column; `is_identity` where the database draws its value."""

    name: str
    type: str
    is_nullable: bool
    has_default: bool
    is_identity: bool
    enum_values: list[str]


@dataclass(frozen=True)
class ForeignKey:
    """A reference: `columns` of the table name `target_columns` of `target`."""

    name: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """A primary key, or a unique constraint or index."""

    name: str
    columns: tuple[str, ...]
    is_primary: bool


@dataclass(frozen=True)
class Table:
    """One table with what holds for its rows; partitions are part of their table."""

    name: str
    columns: Mapping[str, Column]
    foreign_keys: tuple[ForeignKey, ...]
    uniques: tuple[Unique, ...]
    checks: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return next((unique.columns for unique in self.uniques if unique.is_primary), ())

    @property
    def owner_column(self) -> str | None:
        """The column that says whose a row is; None in an inventory, which is nobody's."""
        if self.name == "users":
            return "id"
        return "user_id" if "user_id" in self.columns else None

    def choices(self, column: str) -> list[str]:
        """The only values that a check allows in `column`; empty where it allows others too."""
        for check in self.checks:
            if re.match(rf"CHECK \(\(+{column} = ANY ", check):
                return _literals(check)
        return []

    def is_checked(self, column: str) -> bool:
        """Whether a check says anything about `column`."""
        return any(re.search(rf"\b{column}\b", check) for check in self.checks)


def _literals(check: str) -> list[str]:
    array = check.partition("ARRAY[")[2].partition("]")[0]
    return [literal.partition("::")[0].strip().strip("'") for literal in array.split(",")]


def tables(connection: Connection) -> dict[str, Table]:
    """Every table of the schema but the version table, those first that others refer to."""
    names = connection.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE '%alembic_version' ORDER BY relname"
        )
    ).all()
    found = {
        name: Table(
            name,
            _columns(connection, name),
            _foreign_keys(connection, name),
            _uniques(connection, name),
            _checks(connection, name),
        )
        for name in names
    }
    graph = {name: {key.target for key in table.foreign_keys} - {name} for name, table in found.items()}
    return {name: found[name] for name in TopologicalSorter(graph).static_order()}


def _columns(connection: Connection, table: str) -> dict[str, Column]:
    rows = connection.execute(
        text(
            "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull, atthasdef, attidentity <> '', "
            "ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = atttypid ORDER BY enumsortorder) "
            "FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ),
        {"table": table},
    )
    return {row.attname: Column(*row) for row in rows}


def _names(relation: str, numbers: str) -> str:
    """The SQL for the names of the columns of `relation` whose numbers stand in the array `numbers`."""
    return (
        f"ARRAY(SELECT attname::text FROM unnest({numbers}) WITH ORDINALITY AS number (attnum, place) "
        f"JOIN pg_attribute USING (attnum) WHERE attrelid = {relation} ORDER BY place)"
    )


def _foreign_keys(connection: Connection, table: str) -> tuple[ForeignKey, ...]:
    rows = connection.execute(
        text(
            f"SELECT conname, {_names('conrelid', 'conkey')}, confrelid::regclass::text, "
            f"{_names('confrelid', 'confkey')} FROM pg_constraint "
            "WHERE conrelid = to_regclass(:table) AND contype = 'f' AND conparentid = 0 ORDER BY conname"
        ),
        {"table": table},
    )
    return tuple(ForeignKey(name, tuple(columns), target, tuple(keys)) for name, columns, target, keys in rows)


def _uniques(connection: Connection, table: str) -> tuple[Unique, ...]:
    rows = connection.execute(
        text(
            f"SELECT indexrelid::regclass::text, {_names('indrelid', 'indkey')}, indisprimary FROM pg_index "
            "WHERE indrelid = to_regclass(:table) AND indisunique ORDER BY 1"
        ),
        {"table": table},
    )
    return tuple(Unique(name, tuple(columns), is_primary) for name, columns, is_primary in rows)


def _checks(connection: Connection, table: str) -> tuple[str, ...]:
    return tuple(
        connection.scalars(
            text(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE conrelid = to_regclass(:table) AND contype = 'c' ORDER BY conname"
            ),
            {"table": table},
        )
    )


def contents(connection: Connection, names: Sequence[str]) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a checksum of all that they hold, whatever their order."""
    return {
        name: tuple(
            connection.execute(
                text(f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric)::text, '') FROM {name} t")
            ).one()
        )
        for name in names
    }


def definitions(connection: Connection) -> set[str]:
    """Everything that the schema defines, each as one line; internal triggers and the archive are left out."""
    return set(connection.scalars(text(DEFINITIONS)))


DEFINITIONS = """
SELECT 'table ' || relname || ' ' || relkind::text || ' security ' || relrowsecurity || relforcerowsecurity
    || ' ' || coalesce(relacl::text, '') FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod)
        || ' ' || attnotnull || attidentity::text || ' ' || coalesce(pg_get_expr(adbin, adrelid), '')
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = current_schema()
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || ' ' || cmd || roles::text
        || coalesce(qual, '') || ' check ' || coalesce(with_check, '')
    FROM pg_policies WHERE schemaname = current_schema()
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace
UNION ALL SELECT 'enum ' || typname || ' ' || ARRAY(
        SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder)::text
    FROM pg_type t WHERE typnamespace = current_schema()::regnamespace AND typtype = 'e'
UNION ALL SELECT 'function ' || oid::regprocedure || ' ' || md5(prosrc) || coalesce(proacl::text, '')
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""
