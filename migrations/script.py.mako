"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

from helios_core.database.revisions import archive, drop, execute, forget_archive, restore, secure_user_rows

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """${message}"""
    ${upgrades or "pass"}


def downgrade() -> None:
    """Archive and drop."""
    ${downgrades or "pass"}
