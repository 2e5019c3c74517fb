"""In a host's own tables, which have no policy of ours, the services keep users apart.

Every service and view of the platform's tables is tried by each of five users at what each of the others has, and at
what is nowhere: both come out alike to the letter.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from helios_core.database import migrating
from helios_core.database.engine import connect, open_database
from helios_core.database.server import ServerUrls
from helios_core.database.session import BoundSession, Database, Principal, lead_with_user
from helios_core.errors import HeliosError
from helios_core.models import (
    AgentContextState,
    BlackboardEvent,
    ChatModeSession,
    ConsensusMemoryEdge,
    ConsensusMemoryNode,
    UserProfile,
    ValidationCheckpoint,
)
from helios_core.services import blackboard, chat_sessions, checkpoints, consensus_memory, context_states, profiles
from helios_core.services.context_states import Tier
from helios_core.settings import Settings
from helios_core.views.profiles import profiles_of
from tests.conftest import APPLICATION_ROLE
from tests.migration.host import create_whole_host
from tests.services.teamwork import Teamwork, teamwork

OPERATOR = Principal(1, "operator")
PEOPLE = tuple(Principal(number, "user") for number in range(2, 7))
TABLES = (
    UserProfile, ChatModeSession, BlackboardEvent, ConsensusMemoryNode, ConsensusMemoryEdge, AgentContextState,
    ValidationCheckpoint,
)  # fmt: skip
NOWHERE_ID, NOWHERE_UUID = 1_000_000_000, UUID(int=1)


@dataclass(frozen=True)
class Belongings:
    """What one user has."""

    user_id: int
    work: Teamwork
    chat_id: UUID
    check_id: int
    loose_conversation_id: int
    """A conversation in no chat."""


NOWHERE = Belongings(
    NOWHERE_ID,
    Teamwork(NOWHERE_ID, (NOWHERE_ID, NOWHERE_ID), (NOWHERE_ID, NOWHERE_ID), NOWHERE_ID),
    NOWHERE_UUID,
    NOWHERE_ID,
    NOWHERE_ID,
)

Attempt = Callable[[Session, Belongings, Belongings], object]
"""What is tried with one's own things, the first ones, at another user's."""

ATTEMPTS: Mapping[str, Attempt] = {
    "attach their conversation": lambda s, _, their: chat_sessions.attach_conversation(s, their.work.conversation_id),
    "attach mine to their chat": lambda s, mine, their: chat_sessions.attach_conversation(
        s, mine.loose_conversation_id, their.chat_id
    ),
    "find their chat": lambda s, _, their: chat_sessions.find_chat(s, their.chat_id),
    "announce their delegation": lambda s, _, their: blackboard.announce_delegation(s, their.work.delegation_ids[1]),
    "announce their response": lambda s, _, their: blackboard.announce_response(s, their.work.response_ids[1]),
    "announce their synthesis": lambda s, _, their: blackboard.announce_synthesis(s, their.work.synthesis_id),
    "join their synthesis": lambda s, _, their: consensus_memory.join(s, their.work.synthesis_id),
    "recall in their chat": lambda s, _, their: context_states.recall(s, their.chat_id, "bot"),
    "remember in their chat": lambda s, _, their: context_states.remember(
        s, their.chat_id, "bot", Tier.SHARED, "mood", value="bad"
    ),
    "begin a check of theirs": lambda s, _, their: checkpoints.begin_check(s, their.work.conversation_id, "tone"),
    "end a check of theirs": lambda s, _, their: checkpoints.end_check(s, their.check_id, "failed"),
    "read their profile": lambda s, _, their: profiles_of(s, [their.user_id]),
}


@pytest.fixture
def host(blank: ServerUrls) -> Iterator[Engine]:
    """A host's database with Helios in it, as the role that owns it."""
    owner = connect(blank.owner)
    with owner.begin() as connection:
        create_whole_host(connection)
    migrating.upgrade(blank.owner, APPLICATION_ROLE)
    yield owner
    owner.dispose()


@pytest.fixture
def hosted(blank: ServerUrls, host: Engine) -> Iterator[Database]:  # noqa: ARG001
    """The host's database as the application sees it."""
    database = open_database(Settings(database_url=blank.application))
    yield database
    database.close()


def works(database: Database, principal: Principal) -> Belongings:
    """Let the whole way of a conversation leave its traces on the platform, on behalf of one user."""
    with database.session(principal) as session:
        work = teamwork(session)
        chat_id = chat_sessions.attach_conversation(session, work.conversation_id)
        blackboard.announce_delegation(session, work.delegation_ids[0])
        blackboard.announce_response(session, work.response_ids[0])
        consensus_memory.join(session, work.synthesis_id)
        for tier in Tier:
            context_states.remember(session, chat_id, "bot", tier, "mood", value="good")
        check_id = checkpoints.begin_check(session, work.conversation_id, "quality")
        checkpoints.end_check(session, check_id, "passed", 0.9)
        pending = checkpoints.begin_check(session, work.conversation_id, "requirements")
        profiles.save_profile(session, known_as(principal), "Europe/Berlin")
        loose = teamwork(session)
        session.commit()
        return Belongings(principal.user_id or 0, work, chat_id, pending, loose.conversation_id)


def known_as(principal: Principal) -> str:
    return f"Number {'abcdefg'[principal.user_id or 0]}"


def outcome(database: Database, principal: Principal, attempt: Attempt, mine: Belongings, their: Belongings) -> str:
    """What came of it, without any id; nothing of it is kept."""
    with database.session(principal) as session:
        try:
            said = repr(attempt(session, mine, their))
        except HeliosError as error:
            said = f"{type(error).__name__}: {error}"
    return re.sub(r"[0-9a-f-]*[0-9][0-9a-f-]*", "#", said)


def leaks(database: Database) -> set[str]:
    """The attempts that come out otherwise at what another user has than at what is nowhere."""
    has = {person: works(database, person) for person in PEOPLE}
    return {
        name
        for by, of in permutations(PEOPLE, 2)
        for name, attempt in ATTEMPTS.items()
        if outcome(database, by, attempt, has[by], has[of]) != outcome(database, by, attempt, has[by], NOWHERE)
    }


def test_nobody_reaches_what_another_user_has_in_a_hosts_tables(hosted: Database) -> None:
    assert leaks(hosted) == set()


def test_sessions_that_forget_the_user_are_noticed(hosted: Database) -> None:
    event.remove(BoundSession, "do_orm_execute", lead_with_user)
    try:
        assert leaks(hosted) == {
            "find their chat",
            "recall in their chat",
            "remember in their chat",
            "end a check of theirs",
            "read their profile",
        }
    finally:
        event.listen(BoundSession, "do_orm_execute", lead_with_user)


def test_the_attempts_come_to_something_at_ones_own(hosted: Database) -> None:
    """Else they would be refused for other reasons than their aim."""
    ben = PEOPLE[0]
    mine = works(hosted, ben)
    said = {name: outcome(hosted, ben, attempt, mine, mine) for name, attempt in ATTEMPTS.items()}
    assert {name for name, outcome in said.items() if "NotFound" in outcome} == set()
    assert known_as(ben) in said["read their profile"]


def test_every_row_in_a_hosts_table_is_its_users_and_read_by_them_and_operators_only(hosted: Database) -> None:
    for person in PEOPLE:
        works(hosted, person)
    for table in TABLES:
        for reader in (*PEOPLE, OPERATOR):
            with hosted.session(reader) as session:
                seen = set(session.scalars(select(table.user_id)))
            everybody = {person.user_id for person in PEOPLE}
            assert everybody <= seen if reader is OPERATOR else seen == {reader.user_id}


def test_what_helios_writes_leaves_the_hosts_own_columns_to_the_host(host: Engine, hosted: Database) -> None:
    works(hosted, PEOPLE[0])
    with host.connect() as connection:
        for query, expected in {
            "SELECT DISTINCT tone::text FROM chat_mode_sessions WHERE mode = 'multi_agent'": ["warm"],
            "SELECT DISTINCT seen_count FROM consensus_memory_edges": [0],
            "SELECT DISTINCT reviewer FROM validation_checkpoints WHERE status = 'passed'": ["nobody"],
            "SELECT count(*) FROM user_profiles WHERE display_name = 'Number c'": [1],
            "SELECT count(*) FROM agent_context_states WHERE expires_at IS NOT NULL": [0],
        }.items():
            assert list(connection.scalars(text(query))) == expected
