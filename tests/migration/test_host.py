"""In a database that a host system uses already, Helios changes nothing of the host's."""

import re

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import IntegrityError

from helios_core.database import migrating
from helios_core.database.engine import open_database
from helios_core.database.server import ServerUrls
from helios_core.database.session import Principal
from helios_core.database.versions import status
from helios_core.errors import ConfigurationError
from helios_core.models import (
    BlackboardEvent,
    ChatModeSession,
    ConsensusMemoryEdge,
    ConsensusMemoryNode,
    MultiAgentConversation,
    TaskDelegation,
    User,
)
from helios_core.services import users as user_services
from helios_core.settings import Settings
from helios_core.views.settings import list_users
from tests.catalog import contents, definitions
from tests.conftest import APPLICATION_ROLE
from tests.migration.host import TABLES, create_host

ADA, BEN, CLEO = Principal(1, "admin"), Principal(2, "user"), Principal(3, "user")


@pytest.fixture
def host(blank_owner: Engine) -> Engine:
    """The host's database, as the role that owns it."""
    with blank_owner.begin() as connection:
        create_host(connection)
    return blank_owner


def described(host: Engine) -> tuple[set[str], dict[str, tuple[int, str]]]:
    """All that the schema defines, and what the host's tables hold."""
    with host.connect() as connection:
        return definitions(connection), contents(connection, TABLES)


def about_the_host(definition: str) -> bool:
    """Whether a line of `definitions` says something of a table of the host's."""
    names = "|".join(TABLES)
    return bool(
        re.match(rf"(table|policy|constraint) ({names})\b|column ({names})\.", definition)
        or re.match(rf"(index|trigger) .* ON public\.({names})\b", definition)
    )


def test_an_upgrade_changes_nothing_of_the_hosts(blank: ServerUrls, host: Engine) -> None:
    schema, rows = described(host)
    migrating.upgrade(blank.owner, APPLICATION_ROLE)
    after, rows_after = described(host)
    assert rows_after == rows
    assert schema <= after
    assert {line for line in after - schema if about_the_host(line)} == set()


def test_a_downgrade_leaves_the_host_as_it_was_before(blank: ServerUrls, host: Engine) -> None:
    schema, rows = described(host)
    for _ in range(2):
        migrating.upgrade(blank.owner, APPLICATION_ROLE)
        migrating.downgrade(blank.owner, "base")
    after, rows_after = described(host)
    assert rows_after == rows
    assert {line for line in after ^ schema if "helios_alembic_version" not in line} == set()


@pytest.mark.usefixtures("host")
def test_helios_works_with_the_hosts_rows(blank: ServerUrls) -> None:
    migrating.upgrade(blank.owner, APPLICATION_ROLE)
    database = open_database(Settings(database_url=blank.application))
    with database.session(BEN) as session:
        chat = session.scalars(select(ChatModeSession)).one()
        assert chat.title == "of ben"
        known = session.scalars(select(ConsensusMemoryNode)).one()
        answer = ConsensusMemoryNode(session_id=chat.id, node_type="answer", content="Yes.")
        event = BlackboardEvent(source_agent_id="project_manager", event_type="task_assigned", session_id=chat.id)
        conversation = MultiAgentConversation(title="Spot instances?", session_id=chat.id)
        session.add_all([answer, event, conversation, ChatModeSession(title="new")])
        session.flush()
        session.add(ConsensusMemoryEdge(source_node_id=answer.id, target_node_id=known.id, relation="supports"))
        session.add(
            TaskDelegation(
                pm_agent_id="project_manager", target_agent_id="a", task_description="t", blackboard_event_id=event.id
            )
        )
        session.commit()
        assert (event.user_id, answer.user_id) == (BEN.user_id, BEN.user_id)
    database.close()


@pytest.mark.usefixtures("host")
def test_users_stay_apart_in_the_hosts_tables(blank: ServerUrls) -> None:
    """The host's tables have no row-level security of ours: there the session itself keeps users apart."""
    migrating.upgrade(blank.owner, APPLICATION_ROLE)
    database = open_database(Settings(database_url=blank.application))
    with database.session(ADA) as session:
        chat, event, node = (
            session.scalars(select(ChatModeSession.id).where(ChatModeSession.user_id == BEN.user_id)).one(),
            session.scalars(select(BlackboardEvent.id).where(BlackboardEvent.user_id == BEN.user_id)).one(),
            session.scalars(select(ConsensusMemoryNode.id).where(ConsensusMemoryNode.user_id == BEN.user_id)).one(),
        )
        assert len(list_users(session)) == 3
    with database.session(CLEO) as session:
        assert [row.title for row in session.scalars(select(ChatModeSession))] == ["of cleo"]
        assert session.get(ChatModeSession, chat) is None
        assert session.get(BlackboardEvent, event) is None
        assert session.get(ConsensusMemoryNode, node) is None
        assert session.get(User, BEN.user_id) is None
        for table in (ChatModeSession, BlackboardEvent, ConsensusMemoryNode):
            taken = update(table).values(created_at=func.now()).returning(table.user_id)
            assert session.scalars(taken).all() == [CLEO.user_id]
        assert [user.username for user in user_services.list_users(session)] == ["cleo"]
        session.add(MultiAgentConversation(title="mine", session_id=chat))
        with pytest.raises(IntegrityError, match="not the same user's"):
            session.flush()
    assert User.query.first() is None, "whoever is not bound is nobody"
    assert ChatModeSession.query.first() is None
    database.close()


KEYLESS = "ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE"
UNFIT = {
    "users.id is of type text and has to be bigint or integer": (
        KEYLESS.format(table="users"), "ALTER TABLE users ALTER id DROP DEFAULT",
        "ALTER TABLE users ALTER id TYPE text",
    ),
    "users.id is not unique": (KEYLESS.format(table="users"),),
    "there is no column users.username": ("ALTER TABLE users RENAME username TO login",),
    "users.created_at is of type timestamp without": ("ALTER TABLE users ALTER created_at TYPE timestamp",),
    "chat_mode_sessions.id is of type text and has to be uuid": (
        KEYLESS.format(table="chat_mode_sessions"), "DROP VIEW open_chats",
        "ALTER TABLE chat_mode_sessions ALTER id TYPE text",
    ),
    "there is no column chat_mode_sessions.user_id": ("ALTER TABLE chat_mode_sessions RENAME user_id TO account",),
    "chat_mode_sessions.room may not be NULL": (
        "ALTER TABLE chat_mode_sessions ADD room text NOT NULL DEFAULT 'a'",
        "ALTER TABLE chat_mode_sessions ALTER room DROP DEFAULT",
    ),
    "chat_mode_sessions.title may not be NULL": ("ALTER TABLE chat_mode_sessions ALTER title SET NOT NULL",),
    "blackboard_events.id has no default": ("ALTER TABLE blackboard_events ALTER id DROP DEFAULT",),
    "blackboard_events.event_payload is of type json": ("ALTER TABLE blackboard_events ALTER event_payload TYPE json",),
    "confidence is of type numeric": ("ALTER TABLE consensus_memory_nodes ALTER confidence TYPE numeric(3, 2)",),
    "user_profiles is no table": ("CREATE VIEW user_profiles AS SELECT id AS user_id FROM users",),
    "there is a table or type agent_profiles already": ("CREATE TABLE agent_profiles (id integer)",),
    "there is a table or type agentstatus already": ("CREATE TYPE agentstatus AS ENUM ('on', 'off')",),
    "GRANT SELECT ON users TO helios_app": ("REVOKE SELECT ON users FROM helios_app",),
}  # fmt: skip
"""How a refusal names what a host has instead, and how it came to be."""


def test_a_host_that_cannot_serve_is_refused_before_anything_is_changed(blank: ServerUrls, blank_owner: Engine) -> None:
    for reason, statements in UNFIT.items():
        with blank_owner.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            create_host(connection)
            for statement in statements:
                connection.execute(text(statement))
        before = described(blank_owner)
        with pytest.raises(ConfigurationError, match=re.escape(reason)) as refused:
            migrating.upgrade(blank.owner, APPLICATION_ROLE)
        assert str(refused.value).endswith("Nothing was changed.")
        assert described(blank_owner) == before
        assert status(blank_owner).current is None


def test_every_reason_is_named_at_once(blank: ServerUrls, host: Engine) -> None:
    with host.begin() as connection:
        connection.execute(text("ALTER TABLE users RENAME role TO duty"))
        connection.execute(text("ALTER TABLE blackboard_events RENAME created_at TO at"))
    with pytest.raises(ConfigurationError, match=r"users\.role.*blackboard_events\.created_at|created_at.*users\.role"):
        migrating.upgrade(blank.owner, APPLICATION_ROLE)
