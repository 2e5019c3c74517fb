"""Audit actors: an index by who made a change, built without a lock on the audit, which grows.

Revision ID: audit_actors
Revises: announcements
"""

from alembic import op

revision = "audit_actors"
down_revision = "announcements"
branch_labels = None
depends_on = None

INDEX = "ix_audit_events_actor_id_occurred_at"


def upgrade() -> None:
    """Build it; what a build that was killed left behind is of no use to anybody."""
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
        op.execute(f"CREATE INDEX CONCURRENTLY {INDEX} ON audit_events (actor_id, occurred_at)")


def downgrade() -> None:
    """Drop it."""
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX}")
