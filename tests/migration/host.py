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
REST_OF_THE_PLATFORM = """
CREATE TABLE user_profiles (
    id serial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users,
    display_name varchar(80),
    timezone text,
    preferences jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    avatar bytea
);
CREATE TABLE consensus_memory_edges (
    id bigserial PRIMARY KEY,
    user_id integer NOT NULL,
    source_node_id uuid NOT NULL,
    target_node_id uuid NOT NULL,
    relation varchar(40) NOT NULL,
    weight real,
    created_at timestamptz NOT NULL,
    seen_count integer DEFAULT 0 NOT NULL
);
CREATE TABLE agent_context_states (
    id serial PRIMARY KEY,
    user_id integer NOT NULL,
    session_id uuid,
    agent_id text NOT NULL,
    context_tier text NOT NULL,
    context_key text NOT NULL,
    context_value jsonb,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz
);
CREATE TABLE validation_checkpoints (
    id bigserial PRIMARY KEY,
    user_id integer NOT NULL,
    session_id uuid,
    checkpoint_type text NOT NULL,
    status text NOT NULL,
    score real,
    details jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    reviewer text DEFAULT 'nobody' NOT NULL
);
INSERT INTO users (username, email, role, is_active, created_at, password_hash)
    SELECT name, NULL, 'user', true, now(), 'x' FROM (VALUES ('dora'), ('emil'), ('faye')) AS people (name);
INSERT INTO chat_mode_sessions (id, user_id, mode, title, created_at)
    SELECT gen_random_uuid(), id, 'chat', 'of ' || username, now() FROM users WHERE username > 'd';
INSERT INTO user_profiles (user_id, display_name, preferences, updated_at) SELECT id, username, '{}', now() FROM users;
INSERT INTO agent_context_states (user_id, session_id, agent_id, context_tier, context_key, updated_at)
    SELECT user_id, id, 'bot', 'shared', 'mood of ' || user_id, now() FROM chat_mode_sessions;
INSERT INTO validation_checkpoints (user_id, session_id, checkpoint_type, status, details, created_at)
    SELECT user_id, id, 'tone', 'pending', '{}', now() FROM chat_mode_sessions;
GRANT SELECT, INSERT, UPDATE ON user_profiles, consensus_memory_edges, agent_context_states, validation_checkpoints
    TO helios_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO helios_app
"""
TABLES = (
    "users", "chat_mode_sessions", "blackboard_events", "consensus_memory_nodes", "invoices", "alembic_version",
)  # fmt: skip
"""The host's own."""


def create_host(connection: Connection) -> None:
    """Make the host's tables, with rows of three people."""
    _run(connection, HOST)


def create_whole_host(connection: Connection) -> None:
    """Make a host that has every table of the platform, with rows of six people; its keys keep no two rows apart."""
    _run(connection, HOST)
    _run(connection, REST_OF_THE_PLATFORM)


def _run(connection: Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        connection.execute(text(statement.replace(":", r"\:")))
