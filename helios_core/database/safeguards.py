"""What has to hold before rows of users are served: of the role, of the tables' policies, and of the schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from helios_core.database.versions import status_of
from helios_core.errors import SchemaOutdated, UnsafeRole, UnsafeSchema
from helios_core.models import PLATFORM_TABLES, Base

OWNER_ONLY = "owner only"
"""Stands for the condition of a policy that holds for the table's owner alone."""

_FIND = """
WITH tables AS (
    SELECT oid, relname::text AS name, relowner, relrowsecurity, relforcerowsecurity,
        (SELECT coalesce(jsonb_object_agg(polname,
                CASE WHEN polroles = ARRAY[relowner] THEN 'owner only' ELSE concat(
                    pg_get_expr(polqual, polrelid), ' ', pg_get_expr(polwithcheck, polrelid)) END
            ), '{}') FROM pg_policy WHERE polrelid = c.oid AND polpermissive) AS policies
    FROM pg_class c
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY (:names)
), ours AS (
    -- A host's own table has no policy of ours, and keeps its own rules.
    SELECT * FROM tables WHERE name <> ALL (:platform) OR policies ?| ARRAY['owner', 'operator', 'member_reads']
)
SELECT rolname, rolsuper, rolbypassrls,
    EXISTS (SELECT FROM ours WHERE pg_has_role(current_user, relowner, 'MEMBER')) AS owns,
    has_schema_privilege(current_schema(), 'CREATE') AS creates,
    ARRAY(SELECT name FROM ours WHERE has_table_privilege(oid, 'TRUNCATE, REFERENCES, TRIGGER')) AS overpowered,
    ARRAY(SELECT name FROM ours WHERE NOT relrowsecurity) AS unprotected,
    ARRAY(SELECT name FROM ours WHERE NOT relforcerowsecurity) AS unforced,
    (SELECT coalesce(jsonb_object_agg(name, policies), '{}') FROM ours) AS policies,
    ARRAY(SELECT name FROM ours WHERE name = 'users'
        OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = oid AND attname = 'user_id')) AS of_users,
    ARRAY(SELECT inhrelid::regclass::text FROM pg_inherits JOIN ours ON ours.oid = inhparent
        WHERE has_table_privilege(inhrelid, 'SELECT, INSERT, UPDATE, DELETE')) AS open_partitions,
    ARRAY(SELECT DISTINCT view.oid::regclass::text FROM pg_class view
        JOIN pg_rewrite rule ON rule.ev_class = view.oid
        JOIN pg_depend ON pg_depend.objid = rule.oid AND classid = 'pg_rewrite'::regclass
        JOIN ours ON ours.oid = refobjid
        WHERE view.relkind IN ('v', 'm') AND has_table_privilege(view.oid, 'SELECT')
            AND NOT coalesce(view.reloptions @> ARRAY['security_invoker=true'], false)) AS open_views
FROM pg_roles WHERE rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the catalog says, each as the names of what is not as it should be."""

    role: str
    is_superuser: bool
    bypasses: bool
    owns: bool
    creates: bool
    overpowered: list[str]
    unprotected: list[str]
    unforced: list[str]
    policies: Mapping[str, Mapping[str, str]]
    of_users: list[str]
    open_partitions: list[str]
    open_views: list[str]


def refuse_unsafe(engine: Engine) -> None:
    """Raise where the role of `engine` could see too much, or where the schema would let it, or is too old."""
    with engine.connect() as connection:
        found = findings(connection)
        for reason in role_problems(found):
            message = (
                f"The role {found.role} {reason}, so it would see every user's rows. "
                "Give HELIOS_DATABASE_URL a role of its own, and HELIOS_OWNER_URL the owner."
            )
            raise UnsafeRole(message)
        refuse_outdated(connection)
        for reason in schema_problems(found):
            message = f"{reason}, so users could see each other's rows; Helios does not serve such a database."
            raise UnsafeSchema(message)


def refuse_outdated(connection: Connection) -> None:
    """Raise SchemaOutdated where revisions of this Helios wait."""
    status = status_of(connection)
    if status.pending:
        message = (
            f"The database is at revision {status.current or 'none'} and this Helios needs {status.head}; "
            "run `helios db upgrade`."
        )
        raise SchemaOutdated(message)


def findings(connection: Connection) -> Findings:
    """Ask the catalog, in one query."""
    names = {"names": list(Base.metadata.tables), "platform": list(PLATFORM_TABLES)}
    return Findings(*connection.execute(text(_FIND), names).one())


def role_problems(found: Findings) -> Iterator[str]:
    """Why the role may not serve."""
    if found.is_superuser:
        yield "is a superuser"
    if found.bypasses:
        yield "bypasses row-level security"
    if found.owns:
        yield "owns the tables"
    if found.creates:
        yield "may create tables and functions in the schema (REVOKE CREATE ON SCHEMA from it)"
    for table in found.overpowered:
        yield f"may truncate {table}, refer to it or put triggers on it (REVOKE that)"


def schema_problems(found: Findings) -> Iterator[str]:
    """Why the schema may not serve."""
    for table in found.unprotected:
        yield f"Row-level security is not enabled on {table}"
    for table in found.unforced:
        yield f"Row-level security is not forced on {table}"
    for table, policies in found.policies.items():
        yield from _policy_problems(table, policies, is_of_users=table in found.of_users)
    for partition in found.open_partitions:
        yield f"The partition {partition} is open to the role {found.role} beside its table"
    for view in found.open_views:
        yield f"The view {view} shows rows with its owner's rights"


def _policy_problems(table: str, policies: Mapping[str, str], *, is_of_users: bool) -> Iterator[str]:
    if policies.get("owner") != OWNER_ONLY:
        yield f"{table} lacks its policy for its owner"
    if not {"operator", "operator_reads"} & policies.keys():
        yield f"{table} lacks its policy for operators"
    if not {"member_reads", "all_read"} & policies.keys():
        yield f"{table} lacks its policy for those who read"
    for name, condition in policies.items():
        if is_of_users and condition != OWNER_ONLY and "helios." not in condition:
            yield f"The policy {name} of {table} lets everybody in"
