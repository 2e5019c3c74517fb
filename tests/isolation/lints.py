"""What the catalog has to say of every table, whoever adds it: each lint names what is not so."""

from collections.abc import Callable, Iterator, Mapping

from tests.catalog import ForeignKey, Table, Unique
from tests.isolation.matrix import GUESSED_BY_NOBODY, INVENTORY, Connection

KEEPERS_OF_DAYS = {
    "helios_ensure_sample_partitions(date,date)": "makes days of samples, which hold no user's rows",
    "helios_drop_sample_partitions(date)": "drops days of samples, which hold no user's rows",
}
"""The only functions that run with their owner's rights, and what for."""

SIGNATURES = {
    ("agent_configuration_versions", "changed_by"): "a policy lets members sign with their own id only",
    ("audit_events", "actor_id"): "a policy lets members sign with their own id only",
    ("load_balancing_rules", "created_by"): "only operators write there",
    ("placement_decisions", "actor_id"): "a policy lets members sign with their own id only",
    ("placement_plans", "created_by"): "only operators write there",
    ("quality_scores", "rater_id"): "a policy lets members sign with their own id only",
    ("resource_constraints", "created_by"): "only operators write there",
}
"""References to a user who is not whose the row is, and why they tell nothing."""

MADE_BY_OPERATORS = {"uq_users_username": "only operators add users, so nobody else learns that a name is taken"}

Lint = Callable[[Connection, Mapping[str, Table]], Iterator[str]]


def unprotected_tables(owner: Connection, _tables: Mapping[str, Table]) -> Iterator[str]:
    """Tables without row-level security, or not forced, or without a policy for the owner or for others."""
    yield from _names(
        owner,
        "SELECT relname FROM pg_class c WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT relispartition AND relname NOT LIKE '%alembic_version' AND NOT (relrowsecurity AND relforcerowsecurity"
        " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'owner'"
        "  AND polroles = ARRAY[relowner])"
        " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname LIKE 'operator%')"
        " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname IN ('member_reads', 'all_read')))",
    )


def unlisted_inventory(_owner: Connection, tables: Mapping[str, Table]) -> Iterator[str]:
    """Tables that say nothing of whose a row is, and are not known to be everybody's."""
    yield from (name for name, table in tables.items() if (table.owner_column is None) != (name in INVENTORY))


def privileged_functions(owner: Connection, _tables: Mapping[str, Table]) -> Iterator[str]:
    """Functions that run with their owner's rights, or that may look for names where others put them."""
    yield from _names(
        owner,
        "SELECT oid::regprocedure FROM pg_proc WHERE prosecdef AND pronamespace = current_schema()::regnamespace "
        "AND (oid::regprocedure::text <> ALL (%(known)s) OR proconfig IS NULL"
        " OR has_function_privilege('public', oid, 'EXECUTE'))",
        known=list(KEEPERS_OF_DAYS),
    )


def views_as_their_owner(owner: Connection, _tables: Mapping[str, Table]) -> Iterator[str]:
    """Views that show rows with their owner's rights, and all that keep rows by themselves."""
    yield from _names(
        owner,
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND (relkind = 'm' "
        "OR relkind = 'v' AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false))",
    )


def references_across_users(owner: Connection, tables: Mapping[str, Table]) -> Iterator[str]:
    """Foreign keys between users' rows that neither hold the user nor have a trigger that looks at the owner."""
    guarded = _guarded(owner)
    for table in tables.values():
        for key in table.foreign_keys:
            if not _keeps_to_one_user(table, key, tables[key.target], guarded):
                yield f"{table.name}.{key.name}"


def _keeps_to_one_user(table: Table, key: ForeignKey, target: Table, guarded: set[tuple[str, str]]) -> bool:
    if target.owner_column is None or (table.name, key.columns[0]) in SIGNATURES:
        return True
    pairs = set(zip(key.columns, key.target_columns, strict=True))
    return (table.owner_column, target.owner_column) in pairs or (table.name, key.columns[0]) in guarded


def keys_across_users(owner: Connection, tables: Mapping[str, Table]) -> Iterator[str]:
    """Unique keys in which rows of different users could collide."""
    guarded = _guarded(owner)
    for table in tables.values():
        for key in table.uniques:
            if table.owner_column and not _separates_users(table, key, guarded):
                yield key.name


def _separates_users(table: Table, key: Unique, guarded: set[tuple[str, str]]) -> bool:
    if key.name in GUESSED_BY_NOBODY or key.name in MADE_BY_OPERATORS:
        return True
    drawn = {name for name, column in table.columns.items() if column.is_identity or column.type == "uuid"}
    is_drawn = key.is_primary and len(key.columns) == 1 and key.columns[0] in drawn
    return is_drawn or key.columns[0] == table.owner_column or (table.name, key.columns[0]) in guarded


def _guarded(owner: Connection) -> set[tuple[str, str]]:
    """The columns that a trigger compares the owner of, before any key is looked at: (table, column)."""
    found = owner.execute(
        "SELECT relname, split_part(encode(tgargs, 'escape'), '\\000', 1) FROM pg_trigger "
        "JOIN pg_class c ON c.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid "
        "WHERE proname = 'helios_check_owner' AND tgenabled IN ('O', 'A') AND tgtype & 2 = 2"
    )
    return {(table, column) for table, column in found.fetchall()}


def rights_beyond_rows(owner: Connection, _tables: Mapping[str, Table]) -> Iterator[str]:
    """What the application may do beside reading and writing rows, and partitions that it may touch."""
    yield from _names(
        owner,
        "SELECT concat_ws(' ', right_, relname) "
        "FROM pg_class, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) right_ "
        "WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm') "
        " AND has_table_privilege('helios_app', oid, right_) "
        "UNION ALL SELECT 'partition ' || relname FROM pg_class WHERE relispartition AND relkind IN ('r', 'p') "
        " AND has_table_privilege('helios_app', oid, 'SELECT, INSERT, UPDATE, DELETE') "
        "UNION ALL SELECT 'CREATE' WHERE has_schema_privilege('helios_app', current_schema(), 'CREATE') "
        " OR has_database_privilege('helios_app', current_database(), 'CREATE') "
        "UNION ALL SELECT 'member of ' || rolname FROM pg_roles WHERE rolname <> 'helios_app' "
        " AND pg_has_role('helios_app', oid, 'MEMBER')",
    )


LINTS: tuple[Lint, ...] = (
    unprotected_tables,
    unlisted_inventory,
    privileged_functions,
    views_as_their_owner,
    references_across_users,
    keys_across_users,
    rights_beyond_rows,
)


def complaints(owner: Connection, tables: Mapping[str, Table]) -> dict[str, list[str]]:
    """What each lint names, without those that name nothing."""
    found = {lint.__name__: [*lint(owner, tables)] for lint in LINTS}
    owner.rollback()
    return {lint: names for lint, names in found.items() if names}


def _names(owner: Connection, query: str, **values: list[str]) -> Iterator[str]:
    yield from (str(name) for (name,) in owner.execute(query.encode(), values or None).fetchall())
