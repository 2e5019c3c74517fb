"""Slots of several cards: an expert whose model is divided takes one of each card that it is on.

Revision ID: slots_of_several
Revises: acknowledgements
"""

from alembic import op

from helios_core.database.revisions import ARCHIVE, exists, forget_archive

revision = "slots_of_several"
down_revision = "acknowledgements"
branch_labels = None
depends_on = None

KEPT = f"{ARCHIVE}.slots_of_several_of_card_leases"


def upgrade() -> None:
    """Add the column, and bring back what it held."""
    op.execute("ALTER TABLE card_leases ADD COLUMN further_gpu_ids integer[] DEFAULT '{}'::integer[] NOT NULL")
    if exists(KEPT):
        op.execute(
            f"UPDATE card_leases SET further_gpu_ids = kept.further_gpu_ids FROM {KEPT} kept "  # noqa: S608 (our own name)
            "WHERE kept.delegation_id = card_leases.delegation_id"
        )
        op.execute(f"DROP TABLE {KEPT}")
    forget_archive()


def downgrade() -> None:
    """Keep what the column holds, and drop it."""
    op.execute(f"CREATE SCHEMA IF NOT EXISTS {ARCHIVE}")
    op.execute(
        f"CREATE TABLE {KEPT} AS SELECT delegation_id, further_gpu_ids FROM card_leases "  # noqa: S608 (our own name)
        "WHERE further_gpu_ids <> '{}'::integer[]"
    )
    op.execute("ALTER TABLE card_leases DROP COLUMN further_gpu_ids")
