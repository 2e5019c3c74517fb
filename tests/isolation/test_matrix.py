"""Nobody sees, changes, counts, refers to or guesses what another user has, whichever table it stands in."""

import psycopg
import pytest

from tests.isolation.filled import Filled
from tests.isolation.matrix import INVENTORY, bind

WRITTEN_BY_OPERATORS = {
    "users": "accounts are made by operators",
    "feature_activations": "who may use Helios is the operators' decision",
    "placement_moves": "plans are made by operators",
    "placement_quotas": "how much a user may have is the operators' decision",
}
"""The tables with a user's rows that the user reads and does not write."""


def test_nobody_reaches_what_another_user_has(filled: Filled) -> None:
    assert filled.matrix.leaks(filled.application) == []


def test_everybody_has_a_row_in_every_table_that_is_not_the_inventory(filled: Filled) -> None:
    matrix = filled.matrix
    for someone in matrix.people:
        assert matrix.everything[someone.user_id].keys() == matrix.tables.keys() - INVENTORY.keys()
    assert matrix.everything[None].keys() >= INVENTORY.keys()


def test_what_is_refused_to_others_is_granted_to_oneself(filled: Filled) -> None:
    """Else the attempts of the matrix would be refused for other reasons than their aim."""
    matrix = filled.matrix
    of_users = matrix.tables.keys() - INVENTORY.keys()
    refused = {table: said for table in of_users if (said := matrix.refused(filled.application, table)) is not None}
    assert refused.keys() == WRITTEN_BY_OPERATORS.keys()
    assert all("row-level security" in said for said in refused.values())


def test_without_a_filter_only_rows_of_ones_own_and_of_nobody_appear(filled: Filled) -> None:
    matrix = filled.matrix
    for someone in matrix.people:
        bind(filled.application, someone)
        for table in matrix.tables.values():
            if owner := table.owner_column:
                seen = filled.application.execute(f"SELECT DISTINCT {owner} FROM {table.name}").fetchall()
                assert {user for (user,) in seen} - {None} == {someone.user_id}
        filled.application.rollback()


def test_without_a_principal_nothing_of_any_user_is_seen(filled: Filled) -> None:
    for table in filled.tables.values():
        if owner := table.owner_column:
            seen = filled.application.execute(f"SELECT {owner} FROM {table.name} WHERE {owner} IS NOT NULL")
            assert seen.fetchall() == []


AROUND = (
    "TRUNCATE task_delegations",
    "SELECT * FROM gpu_samples_default",
    "SELECT * FROM gpu_sample_rollups_10s",
    "CREATE TABLE mine (id integer)",
    "CREATE VIEW mine AS SELECT * FROM task_delegations",
    "CREATE TEMPORARY TABLE mine (id bigint REFERENCES task_delegations)",
    "ALTER TABLE task_delegations DISABLE ROW LEVEL SECURITY",
    "DROP POLICY operator ON task_delegations",
    "SET ROLE helios_owner",
    "COPY task_delegations TO PROGRAM 'cat'",
    "SELECT * FROM pg_authid",
    "SET row_security = off; SELECT * FROM task_delegations",
)


def test_there_is_no_way_around_the_policies(filled: Filled) -> None:
    someone = filled.matrix.people[0]
    for statement in AROUND:
        bind(filled.application, someone)
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidTableDefinition)):
            filled.application.execute(statement.encode())
        filled.application.rollback()
