"""What Helios needs of the platform's tables where a host system brings its own: asked before anything is changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, Connection, DateTime, Float, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from helios_core.errors import ConfigurationError
from helios_core.models import PLATFORM_TABLES, Base

SERVES_AS: dict[type, tuple[str, ...]] = {
    BigInteger: ("bigint", "integer"),
    Boolean: ("boolean",),
    DateTime: ("timestamp with time zone",),
    Float: ("double precision", "real"),
    JSONB: ("jsonb",),
    Text: ("text", "character varying"),
    Uuid: ("uuid",),
}
"""The types of a host's column that serve as one of ours."""

REFERRED = ("users", "chat_mode_sessions", "blackboard_events", "consensus_memory_nodes")
"""The tables that Helios's own refer to."""

ACCOUNTS = ("users", "user_profiles")
"""Tables of the host's own people; Helios fills all others with rows of its own."""

_COLUMNS = """
SELECT attname::text AS name, regexp_replace(format_type(atttypid, atttypmod), '[(][0-9, ]+[)]', '') AS type,
    NOT attnotnull AS is_nullable, atthasdef OR attidentity <> '' AS has_default,
    EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique AND indpred IS NULL
        AND indkey::text = attnum::text) AS is_unique
FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped
"""

_PRESENT = """
SELECT relname::text AS name, relkind IN ('r', 'p') AS is_table,
    EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname IN ('owner', 'operator')) AS is_ours,
    has_table_privilege(oid, 'REFERENCES') AS may_refer,
    has_table_privilege(:application, oid, 'SELECT') AS application_reads
FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND relname = ANY (:names) ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class _Present:
    name: str
    is_table: bool
    is_ours: bool
    may_refer: bool
    application_reads: bool


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    type: str
    is_nullable: bool
    has_default: bool
    is_unique: bool


def refuse_unfit_host(connection: Connection, application_role: str, new_names: set[str]) -> None:
    """Raise ConfigurationError, naming each column, where what the schema has already cannot serve.

    `new_names` are those of the tables and types that the pending revisions create.
    """
    found = [*host_problems(connection, application_role), *taken_names(connection, new_names)]
    connection.rollback()
    if found:
        message = f"This database cannot serve Helios: {'; '.join(found)}. Nothing was changed."
        raise ConfigurationError(message)


def host_problems(connection: Connection, application_role: str) -> Iterator[str]:
    """What a host's own tables lack."""
    values = {"application": application_role, "names": list(PLATFORM_TABLES)}
    for row in connection.execute(text(_PRESENT), values).all():
        table = _Present(*row)
        if not table.is_ours:
            yield from _table_problems(connection, table, application_role)


def taken_names(connection: Connection, new_names: set[str]) -> Iterator[str]:
    """What the host calls by a name that Helios needs for a table or type of its own."""
    known = "SELECT typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typname = ANY (:names)"
    own = {"names": sorted(new_names - set(PLATFORM_TABLES))}
    for name in connection.scalars(text(f"{known} ORDER BY typname"), own):
        yield f"there is a table or type {name} already, and it is not Helios's"


def _table_problems(connection: Connection, table: _Present, application_role: str) -> Iterator[str]:
    name = table.name
    if not table.is_table:
        yield f"{name} is no table"
        return
    if name in REFERRED and not table.may_refer:
        yield f"the owner's role may not refer to {name} (GRANT REFERENCES ON {name})"
    if not table.application_reads:
        yield f"the role {application_role} may not read {name} (GRANT SELECT ON {name} TO {application_role})"
    found = {row.name: _Found(*row) for row in connection.execute(text(_COLUMNS), {"table": name})}
    needed = Base.metadata.tables[name]
    for column in needed.columns:
        yield from _column_problems(needed, column, found.get(column.name))
    if name not in ACCOUNTS:
        yield from _unfillable(needed, found)


def _column_problems(table: Table, column: Column[object], found: _Found | None) -> Iterator[str]:
    label = f"{table.name}.{column.name}"
    allowed = SERVES_AS[type(column.type)]
    if found is None:
        yield f"there is no column {label}"
    elif found.type not in allowed:
        yield f"{label} is of type {found.type} and has to be {' or '.join(allowed)}"
    elif column.name == "id" and table.name in REFERRED and not found.is_unique:
        yield f"{label} is not unique"
    elif column.identity is not None and table.name not in ACCOUNTS and not found.has_default:
        yield f"{label} has no default"


def _unfillable(table: Table, found: Mapping[str, _Found]) -> Iterator[str]:
    """Columns that a row of Helios would leave empty, and the host does not."""
    for column in found.values():
        ours = table.columns.get(column.name)
        if (ours is None or ours.nullable) and not column.is_nullable and not column.has_default:
            yield f"{table.name}.{column.name} may not be NULL, and Helios would leave it empty"
