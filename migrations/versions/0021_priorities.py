"""Priorities: which conversation a worker takes up first.

Revision ID: priorities
Revises: five_minutes_filled
"""

from alembic import op

from helios_core.database.revisions import ARCHIVE, exists, forget_archive

revision = "priorities"
down_revision = "five_minutes_filled"
branch_labels = None
depends_on = None

KEPT = f"{ARCHIVE}.priorities_of_conversation_runs"
USUAL = 5


def upgrade() -> None:
    """Add the column, and bring back what it held."""
    op.execute(
        f"ALTER TABLE conversation_runs ADD COLUMN priority smallint DEFAULT {USUAL} NOT NULL "
        "CONSTRAINT ck_conversation_runs_priority CHECK (priority BETWEEN 1 AND 10)"
    )
    if exists(KEPT):
        op.execute(
            f"UPDATE conversation_runs SET priority = kept.priority FROM {KEPT} kept "  # noqa: S608 (our own name)
            "WHERE kept.conversation_id = conversation_runs.conversation_id"
        )
        op.execute(f"DROP TABLE {KEPT}")
    forget_archive()


def downgrade() -> None:
    """Keep what the column holds, and drop it."""
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {ARCHIVE}")
    op.execute(
        f"CREATE TABLE {KEPT} AS SELECT conversation_id, priority FROM conversation_runs "  # noqa: S608 (our own name)
        f"WHERE priority <> {USUAL}"
    )
    op.execute("ALTER TABLE conversation_runs DROP COLUMN priority")
