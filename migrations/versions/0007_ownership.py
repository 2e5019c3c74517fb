"""Ownership: no row refers to another user's, and no refusal tells whether that one exists.

Revision ID: ownership
Revises: governance
"""

from alembic import op
from sqlalchemy import text

from helios_core.database.revisions import MAY_WRITE, ME, check_owner, execute, has_policy

revision = "ownership"
down_revision = "governance"
branch_labels = None
depends_on = None

PLATFORM_REFERENCES = (
    ("agent_context_states", "session_id", "chat_mode_sessions"),
    ("blackboard_events", "session_id", "chat_mode_sessions"),
    ("consensus_memory_nodes", "session_id", "chat_mode_sessions"),
    ("consensus_memory_edges", "source_node_id", "consensus_memory_nodes"),
    ("consensus_memory_edges", "target_node_id", "consensus_memory_nodes"),
    ("validation_checkpoints", "session_id", "chat_mode_sessions"),
)
"""References among the platform's tables. A host's own table is never altered."""

PARTS_OF_CONVERSATIONS = ("agent_participations", "conversation_messages", "conversation_phases")
"""Their unique keys begin with the conversation: without a look at whose it is, a collision would tell that another
user's conversation exists, and how long it is."""

AS_THEMSELVES = f"(user_id = {ME} AND {MAY_WRITE}) AND (changed_by IS NULL OR changed_by = {ME})"
AS_ANYBODY = f"user_id = {ME} AND {MAY_WRITE}"


def upgrade() -> None:
    """Look at the owner before any key is looked at."""
    for table, column, target in PLATFORM_REFERENCES:
        if has_policy(table, "owner"):
            check_owner(table, column, target)
    for table in PARTS_OF_CONVERSATIONS:
        check_owner(table, "conversation_id", "multi_agent_conversations")
    _let_members_sign(AS_THEMSELVES)


def downgrade() -> None:
    """Let references be as they were."""
    _let_members_sign(AS_ANYBODY)
    for table in PARTS_OF_CONVERSATIONS:
        execute(f"DROP TRIGGER {table}_conversation_id_owner ON {table}")
    for table, column, _ in PLATFORM_REFERENCES:
        execute(f"DROP TRIGGER IF EXISTS {table}_{column}_owner ON {table}")


def _let_members_sign(condition: str) -> None:
    """Say in whose name a member may save a version of a configuration."""
    for policy in ("member_inserts", "member_updates"):
        op.execute(
            text(f"ALTER POLICY {policy} ON agent_configuration_versions WITH CHECK ({condition})".replace(":", r"\:"))
        )
