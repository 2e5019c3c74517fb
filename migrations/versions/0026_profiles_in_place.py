"""Profiles in place: an agent's status changes several times in each conversation, without a trace in any index.

Nobody looked for profiles by their status. Without that index a changed row stays where it is, as long as its page has
room, which a vacuum then need not clear.

Revision ID: profiles_in_place
Revises: ids_ahead
"""

from helios_core.database.revisions import execute

revision = "profiles_in_place"
down_revision = "ids_ahead"
branch_labels = None
depends_on = None

UPGRADE = """
DROP INDEX ix_agent_profiles_user_id_status

ALTER TABLE agent_profiles SET (fillfactor = 50)
"""

DOWNGRADE = """
ALTER TABLE agent_profiles RESET (fillfactor)

CREATE INDEX ix_agent_profiles_user_id_status ON agent_profiles (user_id, status)
"""


def upgrade() -> None:
    """Drop the index, and leave room in new pages."""
    execute(UPGRADE)


def downgrade() -> None:
    """Index the status again."""
    execute(DOWNGRADE)
