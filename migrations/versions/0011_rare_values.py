"""Rare values: indexes by which a filter finds at once that hardly a row has what it asks for.

Revision ID: rare_values
Revises: operator_reads
"""

from alembic import op

revision = "rare_values"
down_revision = "operator_reads"
branch_labels = None
depends_on = None

ENDED_BADLY = "status IN ('failed', 'cancelled', 'timeout')"
INDEXES = {
    "ix_gpu_allocations_agent_id_id": "gpu_allocations (agent_id, id)",
    "ix_gpu_allocations_gpu_id_id": "gpu_allocations (gpu_id, id)",
    "ix_gpu_allocations_user_id_agent_id_id": "gpu_allocations (user_id, agent_id, id)",
    "ix_multi_agent_conversations_outcome_created_at": "multi_agent_conversations (outcome, created_at)",
    "ix_multi_agent_conversations_source_created_at": "multi_agent_conversations (source, created_at)",
    "ix_multi_agent_conversations_user_id_outcome_created_at": (
        "multi_agent_conversations (user_id, outcome, created_at)"
    ),
    "ix_multi_agent_conversations_user_id_source_created_at": "multi_agent_conversations (user_id, source, created_at)",
    "ix_task_delegations_ended_badly": f"task_delegations (user_id, created_at) WHERE {ENDED_BADLY}",
    "ix_task_delegations_ended_badly_created_at": f"task_delegations (created_at) WHERE {ENDED_BADLY}",
    "ix_task_delegations_target_agent_id_created_at": "task_delegations (target_agent_id, created_at)",
}


def upgrade() -> None:
    """Build without a lock on what grows, and without what a killed build left behind."""
    with op.get_context().autocommit_block():
        for name, what in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {what}")


def downgrade() -> None:
    """Drop them."""
    with op.get_context().autocommit_block():
        for name in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
