"""Guards kept: the triggers of owners and transitions ask the same as before, by statements that are planned once.

A statement that is put together anew is planned anew, for each of the hundred rows that a conversation writes.

Revision ID: guards_kept
Revises: priorities
"""

from alembic import op
from sqlalchemy import text

from helios_core.database.revisions import TRIGGER_FUNCTIONS, execute

revision = "guards_kept"
down_revision = "priorities"
branch_labels = None
depends_on = None

OWN = {
    "session_id": "chat_mode_sessions",
    "conversation_id": "multi_agent_conversations",
    "blackboard_event_id": "blackboard_events",
    "consensus_node_id": "consensus_memory_nodes",
    "source_node_id": "consensus_memory_nodes",
    "target_node_id": "consensus_memory_nodes",
}
"""What a conversation's rows refer to: the column, and the table."""
TURNED = ("status", "current_phase", "outcome")
"""The columns whose transitions are checked."""

CHECK_OWNER = """
CREATE OR REPLACE FUNCTION helios_check_owner() RETURNS trigger LANGUAGE plpgsql AS $body$
-- Arguments: the referring column, the table it refers to, and whose row that must be: 'own' or 'default'.
DECLARE
    found boolean;
BEGIN
    CASE TG_ARGV[0] || ' ' || TG_ARGV[1] || ' ' || TG_ARGV[2]
<own>
    ELSE
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I WHERE id = ($1).%I AND user_id IS NOT DISTINCT FROM %s)',
            TG_TABLE_SCHEMA, TG_ARGV[1], TG_ARGV[0], CASE TG_ARGV[2] WHEN 'own' THEN '($1).user_id' ELSE 'NULL' END)
            INTO found USING NEW;
    END CASE;
    IF NOT found THEN
        RAISE EXCEPTION '%.% refers to a row of % that does not exist or is not the same user''s',
            TG_TABLE_NAME, TG_ARGV[0], TG_ARGV[1]
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                CONSTRAINT = format('fk_%s_%s_owner', TG_TABLE_NAME, TG_ARGV[0]);
    END IF;
    RETURN NEW;
END
$body$
"""
OWN_ROW = """
    WHEN '{column} {table} own' THEN
        found := EXISTS (
            SELECT FROM {schema}.{table} WHERE id = NEW.{column} AND user_id IS NOT DISTINCT FROM NEW.user_id);"""

CHECK_TRANSITION = """
CREATE OR REPLACE FUNCTION helios_check_transition() RETURNS trigger LANGUAGE plpgsql AS $body$
-- Arguments: the column, and every transition that is allowed, as 'from>to'.
DECLARE
    before text;
    after text;
BEGIN
    CASE TG_ARGV[0]
<turned>
    ELSE
        before := to_jsonb(OLD) ->> TG_ARGV[0];
        after := to_jsonb(NEW) ->> TG_ARGV[0];
    END CASE;
    IF NOT coalesce(before, '') || '>' || coalesce(after, '') = ANY (TG_ARGV[1:]) THEN
        RAISE EXCEPTION '% cannot change from % to %', TG_ARGV[0], coalesce(before, 'none'), coalesce(after, 'none')
            USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0],
                CONSTRAINT = format('ck_%s_%s_transition', TG_TABLE_NAME, TG_ARGV[0]);
    END IF;
    RETURN NEW;
END
$body$
"""
TURN = """
    WHEN '{column}' THEN
        before := OLD.{column}::text;
        after := NEW.{column}::text;"""


def upgrade() -> None:
    """Name the tables and columns, where they are known, instead of putting their names together."""
    schema = op.get_bind().scalar(text("SELECT quote_ident(current_schema())"))
    own = [OWN_ROW.format(schema=schema, column=column, table=table) for column, table in OWN.items()]
    turned = [TURN.format(column=column) for column in TURNED]
    execute(CHECK_OWNER, own="".join(own).lstrip("\n"))
    execute(CHECK_TRANSITION, turned="".join(turned).lstrip("\n"))


def downgrade() -> None:
    """Put them together again."""
    execute(TRIGGER_FUNCTIONS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
