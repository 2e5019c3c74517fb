"""Transcripts: the messages of a conversation, and its stays in each phase.

Revision ID: transcripts
Revises: configuration_versions
"""

from helios_core.database.revisions import archive, drop, execute, forget_archive, key_type, restore, secure_user_rows

revision = "transcripts"
down_revision = "configuration_versions"
branch_labels = None
depends_on = None

TABLES = {
    "conversation_phases": """
CREATE TABLE conversation_phases (
    user_id <user_id> DEFAULT (NULLIF(current_setting('helios.user_id'::text, true), ''::text))::bigint NOT NULL,
    conversation_id bigint NOT NULL,
    position integer NOT NULL,
    phase conversationphase NOT NULL,
    label text,
    started_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT pk_conversation_phases PRIMARY KEY (conversation_id, position),
    CONSTRAINT fk_conversation_phases_user_id_conversation_id
        FOREIGN KEY (user_id, conversation_id) REFERENCES multi_agent_conversations (user_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_conversation_phases_ended_at CHECK (ended_at >= started_at),
    CONSTRAINT ck_conversation_phases_position CHECK (position >= 0),
    CONSTRAINT fk_conversation_phases_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)

CREATE INDEX ix_conversation_phases_user_id_conversation_id ON conversation_phases (user_id, conversation_id)
""",
    "conversation_messages": """
CREATE TABLE conversation_messages (
    user_id <user_id> DEFAULT (NULLIF(current_setting('helios.user_id'::text, true), ''::text))::bigint NOT NULL,
    conversation_id bigint NOT NULL,
    position integer NOT NULL,
    speaker text NOT NULL,
    addressee text,
    kind text NOT NULL,
    phase conversationphase,
    content text NOT NULL,
    delegation_id bigint,
    input_tokens integer,
    output_tokens integer,
    occurred_at timestamptz,
    CONSTRAINT pk_conversation_messages PRIMARY KEY (conversation_id, position),
    CONSTRAINT fk_conversation_messages_user_id_conversation_id
        FOREIGN KEY (user_id, conversation_id) REFERENCES multi_agent_conversations (user_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_conversation_messages_user_id_delegation_id
        FOREIGN KEY (user_id, delegation_id)
        REFERENCES task_delegations (user_id, id) ON DELETE SET NULL (delegation_id),
    CONSTRAINT ck_conversation_messages_kind
        CHECK (kind IN ('question', 'plan', 'thought', 'directive', 'response', 'synthesis', 'review', 'tool', 'note')),
    CONSTRAINT ck_conversation_messages_position CHECK (position >= 0),
    CONSTRAINT ck_conversation_messages_input_tokens CHECK (input_tokens >= 0),
    CONSTRAINT ck_conversation_messages_output_tokens CHECK (output_tokens >= 0),
    CONSTRAINT fk_conversation_messages_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)

CREATE INDEX ix_conversation_messages_delegation_id ON conversation_messages (delegation_id)

CREATE INDEX ix_conversation_messages_user_id_conversation_id ON conversation_messages (user_id, conversation_id)
""",
}


def upgrade() -> None:
    """Create the tables and their policies."""
    for table, statements in TABLES.items():
        execute(statements, user_id=key_type("users", ("bigint", "integer")))
        secure_user_rows(table)
    restore(TABLES)
    forget_archive()


def downgrade() -> None:
    """Archive and drop."""
    archive(TABLES)
    drop(reversed(TABLES))
