"""Announcements: every change of what is cached is announced at its commit, by table and id and nothing else.

Revision ID: announcements
Revises: ownership
"""

from helios_core.database.revisions import execute

revision = "announcements"
down_revision = "ownership"
branch_labels = None
depends_on = None

ANNOUNCED = ("agent_configurations", "load_balancing_rules", "resource_constraints", "feature_activations")

FUNCTION = """
CREATE FUNCTION helios_announce() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    changed record := coalesce(NEW, OLD);
BEGIN
    PERFORM pg_notify('helios_changes', TG_TABLE_NAME || ' ' || changed.id);
    RETURN NULL;
END
$body$
"""


def upgrade() -> None:
    """Announce."""
    execute(FUNCTION)
    for table in ANNOUNCED:
        execute(
            f"CREATE TRIGGER {table}_announced AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION helios_announce()"
        )


def downgrade() -> None:
    """Be silent."""
    for table in ANNOUNCED:
        execute(f"DROP TRIGGER {table}_announced ON {table}")
    execute("DROP FUNCTION helios_announce()")
