"""Helios starts only where users cannot see each other's rows; else it names the reason."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from pydantic import SecretStr

from helios_core.database import migrating
from helios_core.database.engine import open_database
from helios_core.database.server import ServerUrls
from helios_core.errors import SchemaOutdated, UnsafeRole, UnsafeSchema
from helios_core.settings import Settings
from tests.conftest import APPLICATION_ROLE

SCHEMA = {
    "ALTER TABLE task_delegations DISABLE ROW LEVEL SECURITY": "not enabled on task_delegations",
    "ALTER TABLE chat_mode_sessions DISABLE ROW LEVEL SECURITY": "not enabled on chat_mode_sessions",
    "ALTER TABLE agent_responses NO FORCE ROW LEVEL SECURITY": "not forced on agent_responses",
    "DROP POLICY owner ON api_keys": "api_keys lacks its policy for its owner",
    "ALTER POLICY owner ON api_keys TO PUBLIC": "api_keys lacks its policy for its owner",
    "DROP POLICY operator ON gpu_resources": "gpu_resources lacks its policy for operators",
    "DROP POLICY operator_reads ON audit_events": "audit_events lacks its policy for operators",
    "DROP POLICY member_reads ON task_synthesis": "task_synthesis lacks its policy for those who read",
    "CREATE POLICY all_see ON users FOR SELECT USING (true)": "policy all_see of users lets everybody in",
    "ALTER POLICY member_reads ON agent_profiles USING (true)": "policy member_reads of agent_profiles lets everybody",
    "GRANT SELECT ON gpu_samples_default TO helios_app": "partition gpu_samples_default is open",
    "CREATE VIEW all_tasks AS SELECT * FROM task_delegations; GRANT SELECT ON all_tasks TO helios_app":
        "view all_tasks shows rows with its owner's rights",
    "CREATE MATERIALIZED VIEW kept AS SELECT * FROM users; GRANT SELECT ON kept TO helios_app":
        "view kept shows rows with its owner's rights",
}  # fmt: skip
"""What the owner of the tables may have done to the schema, and what a start says of it."""

GRANTS = {
    "GRANT TRUNCATE ON task_delegations TO helios_app": "may truncate task_delegations",
    "GRANT REFERENCES ON users TO helios_app": "may truncate users, refer to it",
    "GRANT CREATE ON SCHEMA public TO helios_app": "may create tables and functions",
}
"""What the application's role may have been given, and what a start says of it."""


def start(application: SecretStr) -> None:
    open_database(Settings(database_url=application)).close()


def changed(urls: ServerUrls, statements: str) -> None:
    with psycopg.connect(urls.owner.get_secret_value().replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute(statements.encode())


@contextmanager
def undone(urls: ServerUrls, statement: str) -> Iterator[None]:
    """Run `statement`, and restore the rights that a migrated database has afterwards."""
    changed(urls, statement)
    yield
    changed(urls, statement.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))


def test_a_migrated_database_is_served(urls: ServerUrls) -> None:
    start(urls.application)


@pytest.mark.parametrize("statement", SCHEMA)
def test_a_schema_that_does_not_keep_users_apart_is_refused(urls: ServerUrls, statement: str) -> None:
    changed(urls, statement)
    with pytest.raises(UnsafeSchema, match=SCHEMA[statement]):
        start(urls.application)


def test_a_role_that_may_do_more_than_rows_is_refused(urls: ServerUrls) -> None:
    for statement, reason in GRANTS.items():
        with undone(urls, statement), pytest.raises(UnsafeRole, match=reason):
            start(urls.application)
    start(urls.application)


def test_an_older_schema_is_refused_until_it_is_upgraded(urls: ServerUrls) -> None:
    for revision in ("platform", "base"):
        migrating.downgrade(urls.owner, revision)
        with pytest.raises(SchemaOutdated, match="helios db upgrade"):
            start(urls.application)
    migrating.upgrade(urls.owner, APPLICATION_ROLE)
    start(urls.application)
