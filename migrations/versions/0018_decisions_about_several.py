"""Decisions about several cards: an index for the few that are about more than one.

Revision ID: decisions_about_several
Revises: several_cards
"""

from alembic import op

revision = "decisions_about_several"
down_revision = "several_cards"
branch_labels = None
depends_on = None

NAME = "ix_placement_decisions_several_cards"
FEW = "from_further_gpu_ids <> '{}'::integer[] OR to_further_gpu_ids <> '{}'::integer[]"


def upgrade() -> None:
    """Build without a lock on what grows, and without what a killed build left behind."""
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        op.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON placement_decisions (decided_at) WHERE {FEW}")


def downgrade() -> None:
    """Drop it."""
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
