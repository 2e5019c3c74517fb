"""What agents remember, and which of them may read it."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from helios_core.database.session import Principal
from helios_core.errors import InvalidInput, NotAllowed, NotFound
from helios_core.models import AgentContextState, ChatModeSession
from helios_core.services.context_states import Entry, Tier, recall, remember
from helios_core.services.workspace import Workspace


@pytest.fixture
def mine(workspace: Workspace, member: Principal) -> Workspace:
    return workspace.on_behalf_of(member)


@pytest.fixture
def chat_id(mine: Workspace) -> UUID:
    return open_chat(mine)


def open_chat(workspace: Workspace) -> UUID:
    chat = ChatModeSession(title="Spot")
    workspace.act(lambda session: session.add(chat))
    return chat.id


def write(workspace: Workspace, chat_id: UUID, agent_id: str, entry: tuple[Tier, str, object]) -> None:
    tier, key, value = entry
    workspace.act(lambda session: remember(session, chat_id, agent_id, tier, key, value=value))


def read(workspace: Workspace, chat_id: UUID, agent_id: str) -> list[tuple[str, str, object]]:
    """By whom, under which key, and what."""
    entries: tuple[Entry, ...] = workspace.read(lambda session: recall(session, chat_id, agent_id))
    return [(entry.agent_id, entry.key, entry.value) for entry in entries]


def test_each_tier_reaches_whom_it_is_for(mine: Workspace, chat_id: UUID) -> None:
    write(mine, chat_id, "data_analyst", (Tier.PRIVATE, "draft", {"sums": [1, None]}))
    write(mine, chat_id, "data_analyst", (Tier.SHARED, "finding", "61 % cheaper"))
    write(mine, chat_id, "technical_expert", (Tier.SHARED, "finding", "restarts take 40 s"))
    write(mine, chat_id, "project_manager", (Tier.CONSENSUS, "answer", "yes"))
    everybody = [("data_analyst", "finding", "61 % cheaper"), ("technical_expert", "finding", "restarts take 40 s")]
    assert read(mine, chat_id, "technical_expert") == [("team", "answer", "yes"), *everybody]
    assert read(mine, chat_id, "data_analyst") == [
        ("team", "answer", "yes"), ("data_analyst", "draft", {"sums": [1, None]}), *everybody,
    ]  # fmt: skip
    assert read(mine, open_chat(mine), "data_analyst") == []


def test_an_entry_is_replaced_and_the_teams_by_any_agent(mine: Workspace, chat_id: UUID) -> None:
    for agent_id, value in (("data_analyst", "perhaps"), ("project_manager", "yes")):
        write(mine, chat_id, agent_id, (Tier.CONSENSUS, "answer", value))
    for draft in (1, None):
        write(mine, chat_id, "data_analyst", (Tier.PRIVATE, "draft", draft))
    assert read(mine, chat_id, "data_analyst") == [("team", "answer", "yes"), ("data_analyst", "draft", None)]


def test_first_writes_at_once_become_one_entry(mine: Workspace, chat_id: UUID) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda value: write(mine, chat_id, "data_analyst", (Tier.SHARED, "finding", value)), range(8)))
    assert mine.read(lambda session: session.scalar(select(func.count()).select_from(AgentContextState))) == 1


def test_only_in_a_chat_of_ones_own_and_under_a_key(
    workspace: Workspace, mine: Workspace, chat_id: UUID, other_member: Principal
) -> None:
    theirs = workspace.on_behalf_of(other_member)
    for place in (chat_id, uuid4()):
        with pytest.raises(NotFound, match=f"no chat {place}"):
            write(theirs, place, "data_analyst", (Tier.SHARED, "finding", "?"))
        with pytest.raises(NotFound, match=f"no chat {place}"):
            read(theirs, place, "data_analyst")
    with pytest.raises(InvalidInput, match="a key"):
        write(mine, chat_id, "data_analyst", (Tier.SHARED, " ", "?"))


def test_an_operator_writes_in_the_name_of_whose_chat_it_is_and_a_viewer_only_reads(
    workspace: Workspace, mine: Workspace, chat_id: UUID, member: Principal
) -> None:
    write(workspace, chat_id, "data_analyst", (Tier.SHARED, "finding", "61 %"))
    viewer = workspace.on_behalf_of(Principal(member.user_id, "viewer"))
    assert read(mine, chat_id, "socratic_expert") == read(viewer, chat_id, "socratic_expert") != []
    with pytest.raises(NotAllowed):
        write(viewer, chat_id, "data_analyst", (Tier.SHARED, "finding", "?"))
