"""Five minutes: rollups that long, for a day or two of many cards.

Revision ID: five_minutes
Revises: decisions_about_several
"""

from helios_core.database.revisions import archive, execute, forget_archive, restore

revision = "five_minutes"
down_revision = "decisions_about_several"
branch_labels = None
depends_on = None

PARTITION = "gpu_sample_rollups_5min"


def upgrade() -> None:
    """Make room for them; which lengths there are is said by the partitions alone."""
    execute(
        "ALTER TABLE gpu_sample_rollups DROP CONSTRAINT ck_gpu_sample_rollups_resolution_seconds\n\n"
        f"CREATE TABLE {PARTITION} PARTITION OF gpu_sample_rollups FOR VALUES IN (300)"
    )
    restore([PARTITION])
    forget_archive()


def downgrade() -> None:
    """Archive and drop."""
    archive([PARTITION])
    execute(
        f"DROP TABLE {PARTITION}\n\n"
        "ALTER TABLE gpu_sample_rollups ADD CONSTRAINT ck_gpu_sample_rollups_resolution_seconds"
        " CHECK (resolution_seconds IN (10, 60, 3600))"
    )
