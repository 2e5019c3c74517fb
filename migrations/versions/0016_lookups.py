"""Lookups: indexes for what operators ask of tables that grow, and for what hangs on a chat.

Revision ID: lookups
Revises: providers
"""

from alembic import op

from helios_core.database.revisions import has_policy

revision = "lookups"
down_revision = "providers"
branch_labels = None
depends_on = None

UNDER_WAY = "status IN ('pending', 'in_progress')"
ENDS = ("cancelled", "failed", "timeout")
INDEXES = {
    "ix_placement_decisions_agent_id_decided_at": "placement_decisions (agent_id, decided_at)",
    "ix_placement_decisions_from_gpu_id_decided_at": "placement_decisions (from_gpu_id, decided_at)",
    "ix_placement_decisions_outcome_decided_at": "placement_decisions (outcome, decided_at)",
    "ix_placement_decisions_to_gpu_id_decided_at": "placement_decisions (to_gpu_id, decided_at)",
    "ix_task_delegations_under_way_agent": f"task_delegations (target_agent_id, created_at) WHERE {UNDER_WAY}",
    **{f"ix_task_delegations_{end}": f"task_delegations (user_id, created_at) WHERE status = '{end}'" for end in ENDS},
    **{
        f"ix_task_delegations_{end}_created_at": f"task_delegations (created_at) WHERE status = '{end}'" for end in ENDS
    },
}
OF_CHATS = ("agent_context_states", "consensus_memory_nodes", "validation_checkpoints")
"""Platform's tables whose rows hang on a chat. A host's own table is never altered."""


def upgrade() -> None:
    """Build without a lock on what grows, and without what a killed build left behind."""
    with op.get_context().autocommit_block():
        for name, what in {**INDEXES, **_of_chats()}.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {what}")


def downgrade() -> None:
    """Drop them."""
    with op.get_context().autocommit_block():
        for name in (*INDEXES, *_of_chats()):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _of_chats() -> dict[str, str]:
    return {f"ix_{table}_session_id": f"{table} (session_id)" for table in OF_CHATS if has_policy(table, "owner")}
