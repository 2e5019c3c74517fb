"""What the revisions of the schema are written with: row-level security, ownership, transitions, and the archive.

Landed revisions rely on every function here: what one does to the schema never changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alembic import op
from sqlalchemy import Connection, text

from helios_core.errors import ConfigurationError

ARCHIVE = "helios_archive"
"""The schema that keeps what a downgraded revision's tables held, until the next upgrade."""

ME = "NULLIF(current_setting('helios.user_id', true), '')::bigint"
ROLE = "current_setting('helios.role', true)"
# In a query of its own it is asked once a statement; asked row by row, it would also count as true of hardly any row.
IS_OPERATOR = f"(SELECT {ROLE} IN ('admin', 'operator'))"
MAY_WRITE = f"{ROLE} IN ('admin', 'operator', 'user')"


def execute(statements: str, **types: str) -> None:
    """Run `statements`, separated by blank lines, each `<name>` in them replaced by the type of that name."""
    for name, type_ in types.items():
        statements = statements.replace(f"<{name}>", type_)
    for statement in statements.strip().split("\n\n"):
        op.execute(text(statement.replace(":", r"\:")))


def key_type(table: str, allowed: Sequence[str]) -> str:
    """The type of `table.id`, which a host system may have chosen; refuse one that cannot serve, by name."""
    found = op.get_bind().scalar(
        text(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = to_regclass(:table) AND attname = 'id' AND NOT attisdropped"
        ),
        {"table": table},
    )
    if found not in allowed:
        message = f"{table}.id is of type {found}; Helios needs {' or '.join(allowed)}. Nothing was changed."
        raise ConfigurationError(message)
    return str(found)


def exists(table: str) -> bool:
    """Whether the schema has `table`."""
    return op.get_bind().scalar(text("SELECT to_regclass(:table)"), {"table": table}) is not None


def has_policy(table: str, policy: str) -> bool:
    """Whether `table` has `policy`."""
    return bool(
        op.get_bind().scalar(
            text("SELECT EXISTS (SELECT FROM pg_policy WHERE polrelid = to_regclass(:table) AND polname = :policy)"),
            {"table": table, "policy": policy},
        )
    )


# Row-level security


def _secure(table: str, policies: Mapping[str, str]) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    # Without a policy of its own a forced owner would archive and back up nothing, in silence.
    for name, policy in {"owner": "TO CURRENT_USER USING (true)", **policies}.items():
        op.execute(text(f"CREATE POLICY {name} ON {table} {policy}".replace(":", r"\:")))


def secure_user_rows(table: str, *, owner_column: str = "user_id", shows_defaults: bool = False) -> None:
    """Members see and change their own rows, viewers see theirs, operators see and change all.

    `shows_defaults`: rows without a user are visible to all, and changed by operators only.
    """
    mine = f"{owner_column} = {ME}"
    mine_to_write = f"{mine} AND {MAY_WRITE}"
    visible = f"{mine} OR {owner_column} IS NULL" if shows_defaults else mine
    _secure(
        table,
        {
            "member_reads": f"FOR SELECT USING ({visible})",
            "member_inserts": f"FOR INSERT WITH CHECK ({mine_to_write})",
            "member_updates": f"FOR UPDATE USING ({mine_to_write}) WITH CHECK ({mine_to_write})",
            "member_deletes": f"FOR DELETE USING ({mine_to_write})",
            "operator": f"USING ({IS_OPERATOR})",
        },
    )


def secure_users(table: str) -> None:
    """A user sees their own account; operators see and change all."""
    _secure(table, {"member_reads": f"FOR SELECT USING (id = {ME})", "operator": f"USING ({IS_OPERATOR})"})


def secure_inventory(table: str) -> None:
    """All may read, operators may write."""
    _secure(table, {"all_read": "FOR SELECT USING (true)", "operator": f"USING ({IS_OPERATOR})"})


def secure_private_inventory(table: str) -> None:
    """A user reads what concerns them or everybody; operators may write."""
    _secure(
        table,
        {
            "member_reads": f"FOR SELECT USING (user_id = {ME} OR user_id IS NULL)",
            "operator": f"USING ({IS_OPERATOR})",
        },
    )


def secure_append_only(table: str) -> None:
    """Whoever acts may add what they did; a user reads what concerns them, operators read all, nobody changes a row."""
    _secure(
        table,
        {
            "member_reads": f"FOR SELECT USING (user_id = {ME})",
            "member_inserts": f"FOR INSERT WITH CHECK (actor_id = {ME} AND user_id = {ME} AND {MAY_WRITE})",
            "operator_reads": f"FOR SELECT USING ({IS_OPERATOR})",
            "operator_inserts": f"FOR INSERT WITH CHECK ({IS_OPERATOR})",
        },
    )


# Triggers

TRIGGER_FUNCTIONS = """
CREATE FUNCTION helios_check_owner() RETURNS trigger LANGUAGE plpgsql AS $body$
-- Arguments: the referring column, the table it refers to, and whose row that must be: 'own' or 'default'.
DECLARE
    found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE id = ($1).%I AND user_id IS NOT DISTINCT FROM %s)',
        TG_TABLE_SCHEMA, TG_ARGV[1], TG_ARGV[0], CASE TG_ARGV[2] WHEN 'own' THEN '($1).user_id' ELSE 'NULL' END)
        INTO found USING NEW;
    IF NOT found THEN
        RAISE EXCEPTION '%.% refers to a row of % that does not exist or is not the same user''s',
            TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[1]
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                CONSTRAINT = format('fk_%s_%s_owner', TG_TABLE_NAME, TG_ARGV[0]);
    END IF;
    RETURN NEW;
END
$body$

CREATE FUNCTION helios_check_transition() RETURNS trigger LANGUAGE plpgsql AS $body$
-- Arguments: the column, and every transition that is allowed, as 'from>to'.
DECLARE
    before text := to_jsonb(OLD) ->> TG_ARGV[0];
    after text := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
    IF NOT coalesce(before, '') || '>' || coalesce(after, '') = ANY (TG_ARGV[1:]) THEN
        RAISE EXCEPTION '% cannot change from % to %', TG_ARGV[0], coalesce(before, 'none'), coalesce(after, 'none')
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0],
                CONSTRAINT = format('ck_%s_%s_transition', TG_TABLE_NAME, TG_ARGV[0]);
    END IF;
    RETURN NEW;
END
$body$
"""


def check_owner(table: str, column: str, target: str, whose: str = "own") -> None:
    """Refuse a `column` that refers to another user's row of `target`; `whose`: 'own', or 'default' for no user's."""
    op.execute(
        f"CREATE TRIGGER {table}_{column}_owner BEFORE INSERT OR UPDATE OF {column}, user_id ON {table} "
        f"FOR EACH ROW WHEN (NEW.{column} IS NOT NULL) "
        f"EXECUTE FUNCTION helios_check_owner('{column}', '{target}', '{whose}')"
    )


def check_transitions(table: str, column: str, allowed: Mapping[str, Iterable[str]]) -> None:
    """Let `column` change only from each key of `allowed` to one of its values."""
    pairs = ", ".join(f"'{before}>{after}'" for before, afters in allowed.items() for after in afters)
    op.execute(
        f"CREATE TRIGGER {table}_{column}_transition BEFORE UPDATE OF {column} ON {table} "
        f"FOR EACH ROW WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) "
        f"EXECUTE FUNCTION helios_check_transition('{column}', {pairs})"
    )


# Archive


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    is_enum: bool
    sequence: str | None


def _columns(connection: Connection, table: str) -> list[_Column]:
    rows = connection.execute(
        text(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typtype = 'e', "
            "CASE WHEN a.attidentity <> '' THEN pg_get_serial_sequence(:table, a.attname) END "
            "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
            "WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        ),
        {"table": table},
    )
    return [_Column(*row) for row in rows]


def archive(tables: Iterable[str]) -> None:
    """Copy what `tables` hold, and where their keys stand, to the archive."""
    connection = op.get_bind()
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {ARCHIVE}")
    op.execute(f"CREATE TABLE IF NOT EXISTS {ARCHIVE}.keys (table_name text PRIMARY KEY, last_value bigint NOT NULL)")
    for table in tables:
        columns = _columns(connection, table)
        # An enum goes with its revision, so its values are kept as text.
        kept = ", ".join(f"{c.name}::text AS {c.name}" if c.is_enum else c.name for c in columns)
        op.execute(text(f"CREATE TABLE {ARCHIVE}.{table} AS SELECT {kept} FROM {table}".replace(":", r"\:")))
        for column in columns:
            if column.sequence:
                op.execute(
                    f"INSERT INTO {ARCHIVE}.keys SELECT '{table}', last_value FROM {column.sequence} WHERE is_called"
                )


def _lost_references(connection: Connection, table: str) -> list[tuple[str, str, str, str]]:
    """Foreign keys of `table` into tables that stayed while it was archived: (column, target, its key, rule)."""
    rows = connection.execute(
        text(
            "SELECT a.attname, c.confrelid::regclass::text, f.attname, c.confdeltype::text "
            "FROM pg_constraint c "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
            "JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] "
            "WHERE c.conrelid = to_regclass(:table) AND c.contype = 'f' AND cardinality(c.conkey) = 1"
        ),
        {"table": table},
    )
    return [(column, target, key, rule) for column, target, key, rule in rows]


def restore(tables: Iterable[str]) -> None:
    """Bring back what the archive holds of `tables`, in the order given.

    What a row referred to may be gone by now: then the foreign key's own rule applies, as it would have.
    """
    connection = op.get_bind()
    for table in tables:
        if not exists(f"{ARCHIVE}.{table}"):
            continue
        _restore_rows(connection, table)
        for column in _columns(connection, table):
            if column.sequence:
                op.execute(
                    f"SELECT setval('{column.sequence}', last_value) FROM {ARCHIVE}.keys WHERE table_name = '{table}'"
                )
        op.execute(f"DROP TABLE {ARCHIVE}.{table}")
        op.execute(f"DELETE FROM {ARCHIVE}.keys WHERE table_name = '{table}'")


def _restore_rows(connection: Connection, table: str) -> None:
    columns = _columns(connection, table)
    values = {c.name: f"kept.{c.name}::{c.type}" if c.is_enum else f"kept.{c.name}" for c in columns}
    surviving = []
    for column, target, key, rule in _lost_references(connection, table):
        if target == table:
            continue
        found = f"EXISTS (SELECT FROM {target} WHERE {key} = kept.{column})"
        if rule == "n":
            values[column] = f"CASE WHEN {found} THEN {values[column]} END"
        else:
            surviving.append(f"(kept.{column} IS NULL OR {found})")
    op.execute(
        text(
            f"INSERT INTO {table} ({', '.join(values)}) OVERRIDING SYSTEM VALUE "
            f"SELECT {', '.join(values.values())} FROM {ARCHIVE}.{table} kept "
            f"WHERE {' AND '.join(surviving) or 'true'}".replace(":", r"\:")
        )
    )


def forget_archive() -> None:
    """Drop the archive when nothing is left in it."""
    left = op.get_bind().scalar(
        text("SELECT count(*) FROM pg_tables WHERE schemaname = :schema AND tablename <> 'keys'"), {"schema": ARCHIVE}
    )
    if not left:
        op.execute(f"DROP SCHEMA IF EXISTS {ARCHIVE} CASCADE")


def drop(tables: Iterable[str]) -> None:
    """Drop `tables`, which nothing else may refer to."""
    for table in tables:
        op.execute(f"DROP TABLE {table}")
