"""Chats of the platform, in which conversations of the team take place.

Like every table of the platform, `chat_mode_sessions` may be a host system's own, without row-level security and
without defaults of ours: what is written there names its user, and what is found is looked at for whose it is.
"""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from helios_core.errors import NotFound, Refused
from helios_core.models import ChatModeSession, MultiAgentConversation, TaskDelegation, TaskSynthesis
from helios_core.services.permissions import Action, require


def attach_conversation(session: Session, conversation_id: int, chat_id: UUID | None = None) -> UUID:
    """Let a conversation, with its delegations and syntheses, take place in a chat of its user; the chat's id.

    Without `chat_id` the conversation's own chat goes on, or a new one of its title begins. Asked twice it does nothing
    more. Raises NotFound, and Refused for a conversation that takes place in another chat.
    """
    require(session, Action.WORK_IN_CONVERSATIONS)
    conversation = _locked(session, conversation_id)
    if conversation.session_id is not None:
        if chat_id in {None, conversation.session_id}:
            return conversation.session_id
        message = f"Conversation {conversation_id} takes place in another chat already."
        raise Refused(message)
    chat = _open_chat(session, conversation) if chat_id is None else find_chat(session, chat_id)
    if chat.user_id != conversation.user_id:
        raise _no_chat(chat.id)
    conversation.session_id = chat.id
    for part in (TaskDelegation, TaskSynthesis):
        of_conversation = (part.user_id == conversation.user_id, part.conversation_id == conversation_id)
        session.execute(update(part).where(*of_conversation, part.session_id.is_(None)).values(session_id=chat.id))
    session.flush()
    return chat.id


def find_chat(session: Session, chat_id: UUID) -> ChatModeSession:
    """The chat, or NotFound."""
    chat = session.scalars(select(ChatModeSession).where(ChatModeSession.id == chat_id)).one_or_none()
    if chat is None:
        raise _no_chat(chat_id)
    return chat


def _locked(session: Session, conversation_id: int) -> MultiAgentConversation:
    query = select(MultiAgentConversation).where(MultiAgentConversation.id == conversation_id)
    conversation = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if conversation is None:
        message = f"There is no conversation {conversation_id}."
        raise NotFound(message)
    return conversation


def _open_chat(session: Session, conversation: MultiAgentConversation) -> ChatModeSession:
    chat = ChatModeSession(user_id=conversation.user_id, title=conversation.title)
    session.add(chat)
    session.flush()
    return chat


def _no_chat(chat_id: UUID) -> NotFound:
    return NotFound(f"There is no chat {chat_id}.")
