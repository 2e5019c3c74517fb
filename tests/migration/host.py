"""A host system's own database: accounts by integer, chats, events and knowledge with columns of its own, and more."""

from sqlalchemy import Connection, text

HOST = """
CREATE TYPE tone AS ENUM ('plain', 'warm');
CREATE TABLE users (
    id serial PRIMARY KEY,
    username varchar(80) NOT NULL UNIQUE,
    email varchar(200),
    role varchar(20) NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    password_hash text NOT NULL,
    locale text DEFAULT 'en' CHECK (length(locale) = 2)
);
CREATE TABLE chat_mode_sessions (
    id uuid PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users,
    mode text NOT NULL,
    title varchar,
    created_at timestamptz NOT NULL,
    tone tone DEFAULT 'warm' NOT NULL,
    tokens_used bigint DEFAULT 0 NOT NULL
);
CREATE INDEX chats_by_mode ON chat_mode_sessions (mode);
CREATE TABLE blackboard_events (
    id serial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id uuid REFERENCES chat_mode_sessions,
    source_agent_id text NOT NULL,
    event_type varchar(40) NOT NULL,
    event_payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    seen_by text[]
);
CREATE TABLE consensus_memory_nodes (
    id uuid PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users,
    session_id uuid,
    node_type text NOT NULL,
    content text NOT NULL,
    confidence real,
    attributes jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    embedding double precision[]
);
CREATE TABLE invoices (number text PRIMARY KEY, user_id integer REFERENCES users, cents bigint CHECK (cents > 0));
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE VIEW open_chats AS SELECT id, title FROM chat_mode_sessions;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.locale = lower(NEW.locale); RETURN NEW; END';
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO users (username, email, role, is_active, created_at, password_hash)
    SELECT name, name || '@example.org', role, true, now(), 'x'
    FROM (VALUES ('ada', 'admin'), ('ben', 'user'), ('cleo', 'user')) AS people (name, role);
INSERT INTO chat_mode_sessions (id, user_id, mode, title, created_at)
    SELECT gen_random_uuid(), id, 'chat', 'of ' || username, now() FROM users;
INSERT INTO blackboard_events (user_id, session_id, source_agent_id, event_type, event_payload, created_at)
    SELECT user_id, id, 'bot', 'said', '{"by": "host"}', now() FROM chat_mode_sessions;
INSERT INTO consensus_memory_nodes (id, user_id, node_type, content, attributes, created_at, embedding)
    SELECT gen_random_uuid(), id, 'fact', 'known to ' || username, '{}', now(), '{0.5, 1}' FROM users;
INSERT INTO invoices SELECT 'N' || id, id, 100 FROM users;
INSERT INTO alembic_version VALUES ('0123abcd');
GRANT SELECT, INSERT, UPDATE ON users, chat_mode_sessions, blackboard_events, consensus_memory_nodes TO helios_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO helios_app
"""
TABLES = (
    "users", "chat_mode_sessions", "blackboard_events", "consensus_memory_nodes", "invoices", "alembic_version",
)  # fmt: skip
"""The host's own."""


def create_host(connection: Connection) -> None:
    """Make the host's tables, with rows of three people."""
    for statement in HOST.split(";\n"):
        connection.execute(text(statement.replace(":", r"\:")))
