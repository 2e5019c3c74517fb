"""Operator reads: policies that ask for the role once a statement, and indexes for what is under way.

Revision ID: operator_reads
Revises: audit_actors
"""

from alembic import op
from sqlalchemy import text

from helios_core.database.revisions import IS_OPERATOR

revision = "operator_reads"
down_revision = "audit_actors"
branch_labels = None
depends_on = None

ROW_BY_ROW = "current_setting('helios.role', true) IN ('admin', 'operator')"
"""Asked so, the planner takes it that hardly a row passes, and an operator's page waits seconds for its plan."""

UNDER_WAY = "status IN ('pending', 'in_progress')"
INDEXES = {
    "ix_task_delegations_under_way_created_at": f"task_delegations (created_at) WHERE {UNDER_WAY}",
    "ix_task_delegations_under_way_target_agent_id": (
        f"task_delegations (user_id, target_agent_id, created_at) WHERE {UNDER_WAY}"
    ),
    "ix_multi_agent_conversations_under_way_created_at": "multi_agent_conversations (created_at) WHERE outcome IS NULL",
    "ix_multi_agent_conversations_samples": "multi_agent_conversations (user_id) WHERE source = 'sample'",
}


def upgrade() -> None:
    """Ask once; build without a lock on what grows, and without what a killed build left behind."""
    with op.get_context().autocommit_block():
        _let_operators_in(IS_OPERATOR)
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {what}")


def downgrade() -> None:
    """Ask of every row again."""
    with op.get_context().autocommit_block():
        for name in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        _let_operators_in(ROW_BY_ROW)


def _let_operators_in(condition: str) -> None:
    """Say whom the operators' policies let in: table by table, so that no two are locked at a time."""
    policies = op.get_bind().execute(
        text(
            "SELECT p.tablename, p.policyname, p.cmd FROM pg_policies p "
            "JOIN pg_policies ours USING (schemaname, tablename) "
            "WHERE schemaname = current_schema() AND ours.policyname = 'owner' "
            "AND p.policyname IN ('operator', 'operator_reads', 'operator_inserts') ORDER BY p.tablename"
        )
    )
    for table, policy, command in policies.all():
        clause = "WITH CHECK" if command == "INSERT" else "USING"
        op.execute(text(f"ALTER POLICY {policy} ON {table} {clause} ({condition})".replace(":", r"\:")))
