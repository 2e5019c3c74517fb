"""Conversations take place in chats of their user."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from helios_core.database.session import Principal
from helios_core.errors import NotAllowed, NotFound, Refused
from helios_core.models import ChatModeSession, MultiAgentConversation, TaskDelegation, TaskSynthesis
from helios_core.services.chat_sessions import attach_conversation
from helios_core.services.workspace import Workspace
from tests.services.teamwork import teamwork


def test_a_conversation_opens_a_chat_of_its_user_and_takes_its_parts_along(
    workspace: Workspace, member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    work = mine.act(teamwork)
    chat_id = workspace.act(lambda session: attach_conversation(session, work.conversation_id))
    assert mine.act(lambda session: attach_conversation(session, work.conversation_id)) == chat_id
    chat = mine.read(lambda session: session.scalars(select(ChatModeSession)).one())
    assert (chat.id, chat.user_id, chat.title, chat.mode) == (
        chat_id, member.user_id, "Spot instances?", "multi_agent",
    )  # fmt: skip
    for part in (MultiAgentConversation, TaskDelegation, TaskSynthesis):
        found = mine.read(lambda session, part=part: session.scalars(select(part.session_id).distinct()).all())  # type: ignore[misc]
        assert found == [chat_id]


def test_a_chat_takes_several_conversations_and_a_conversation_stays_in_its_chat(
    workspace: Workspace, member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    first, second, third = (mine.act(teamwork).conversation_id for _ in range(3))
    chat_id = mine.act(lambda session: attach_conversation(session, first))
    assert mine.act(lambda session: attach_conversation(session, second, chat_id)) == chat_id
    other = mine.act(lambda session: attach_conversation(session, third))
    with pytest.raises(Refused, match="another chat already"):
        mine.act(lambda session: attach_conversation(session, first, other))
    assert mine.read(lambda session: session.scalar(select(func.count()).select_from(ChatModeSession))) == 2


def test_a_chat_of_somebody_else_is_like_none(workspace: Workspace, member: Principal, other_member: Principal) -> None:
    theirs = workspace.on_behalf_of(other_member)
    their_work = theirs.act(teamwork)
    their_chat = theirs.act(lambda session: attach_conversation(session, their_work.conversation_id))
    work = workspace.on_behalf_of(member).act(teamwork)
    for principal in (member, workspace.principal):
        for chat_id in (their_chat, uuid4()):
            with pytest.raises(NotFound, match=f"no chat {chat_id}"):
                workspace.on_behalf_of(principal).act(
                    lambda session, chat_id=chat_id: attach_conversation(session, work.conversation_id, chat_id)  # type: ignore[misc]
                )
    with pytest.raises(NotFound, match="no conversation"):
        workspace.on_behalf_of(member).act(lambda session: attach_conversation(session, their_work.conversation_id))


def test_a_viewer_attaches_nothing(workspace: Workspace, member: Principal) -> None:
    work = workspace.on_behalf_of(member).act(teamwork)
    viewer = workspace.on_behalf_of(Principal(member.user_id, "viewer"))
    with pytest.raises(NotAllowed, match="work in conversations"):
        viewer.act(lambda session: attach_conversation(session, work.conversation_id))
