"""Ids ahead: workers draw the ids of responses and syntheses before these are there, as they do those of delegations.

Nothing is altered: the rights to do so are granted after every upgrade, and this is the one that brings them.

Revision ID: ids_ahead
Revises: slots_of_several
"""

revision = "ids_ahead"
down_revision = "slots_of_several"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The grants come after."""


def downgrade() -> None:
    """Rights that nobody uses harm nobody."""
