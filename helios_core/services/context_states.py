"""What agents remember in a chat, in the platform's three tiers.

| tier | who writes an entry | who reads it |
|---|---|---|
| private | an agent, its own | that agent |
| shared | an agent, its own | every agent of the chat |
| consensus | any agent, for the team: an entry of this tier is known by its key alone | every agent of the chat |
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, text
from sqlalchemy.orm import Session

from helios_core.database.sending import send
from helios_core.errors import InvalidInput
from helios_core.models import AgentContextState
from helios_core.services.chat_sessions import find_chat
from helios_core.services.permissions import Action, require

TEAM = "team"
"""Stands as the agent of what belongs to all of them."""
CONTEXT_LOCKS = 0x636F6E74
"""The first key of the advisory locks on entries; the second is a hash of which it is."""


class Tier(StrEnum):
    """How far something that an agent remembers reaches."""

    PRIVATE = "private"
    SHARED = "shared"
    CONSENSUS = "consensus"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something remembered; `agent_id` is who remembers it, or "team"."""

    agent_id: str
    tier: Tier
    key: str
    value: Any
    updated_at: datetime


def remember(session: Session, chat_id: UUID, agent_id: str, tier: Tier, key: str, *, value: object) -> None:
    """Write one entry of an agent, in place of what it held; `value` is JSON. Raises InvalidInput and NotFound."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    if not key.strip():
        raise InvalidInput({"context_key": "Give what is remembered a key."})
    owner_id = find_chat(session, chat_id).user_id
    keeper = TEAM if tier is Tier.CONSENSUS else agent_id
    _write(session, {"user": owner_id, "chat": chat_id, "keeper": keeper, "tier": tier, "key": key}, value)


def remember_as_team(session: Session, owner_id: int, chat_id: UUID, key: str, *, value: object) -> None:
    """Write one entry of the team, as `remember` does, in a chat that is known to be this user's."""
    require(session, Action.WORK_IN_CONVERSATIONS)
    _write(session, {"user": owner_id, "chat": chat_id, "keeper": TEAM, "tier": Tier.CONSENSUS, "key": key}, value)


def _write(session: Session, entry: Mapping[str, Any], value: object) -> None:
    # A host's table may have no key that would keep two first writes at once apart.
    name = "{chat} {keeper} {tier} {key}".format_map(entry)
    send(session, LOCK, {"first": CONTEXT_LOCKS, "name": name})
    send(session, WRITE, {**entry, "value": None if value is None else json.dumps(value)})


LOCK = text("SELECT pg_advisory_xact_lock(:first, hashtext(:name))")
WRITE = text(
    "WITH known AS (UPDATE agent_context_states SET context_value = CAST(:value AS jsonb), updated_at = now() "
    " WHERE user_id = :user AND session_id = :chat AND agent_id = :keeper AND context_tier = :tier "
    " AND context_key = :key RETURNING id) "
    "INSERT INTO agent_context_states (user_id, session_id, agent_id, context_tier, context_key, context_value, "
    " updated_at) SELECT :user, :chat, :keeper, :tier, :key, CAST(:value AS jsonb), now() "
    "WHERE NOT EXISTS (SELECT FROM known)"
)


def recall(session: Session, chat_id: UUID, agent_id: str) -> tuple[Entry, ...]:
    """All that an agent may read in a chat: what is private to it, what is shared, what the team holds; by its key."""
    owner_id = find_chat(session, chat_id).user_id
    states = session.scalars(
        select(AgentContextState)
        .where(_of_chat(owner_id, chat_id), _is_read_by(agent_id))
        .order_by(AgentContextState.context_key, AgentContextState.agent_id, AgentContextState.context_tier)
    )
    return tuple(map(_entry, states))


def _of_chat(owner_id: int, chat_id: UUID) -> ColumnElement[bool]:
    return and_(AgentContextState.user_id == owner_id, AgentContextState.session_id == chat_id)


def _is_read_by(agent_id: str) -> ColumnElement[bool]:
    return or_(
        AgentContextState.context_tier.in_([Tier.SHARED.value, Tier.CONSENSUS.value]),
        and_(AgentContextState.context_tier == Tier.PRIVATE.value, AgentContextState.agent_id == agent_id),
    )


def _entry(state: AgentContextState) -> Entry:
    return Entry(
        agent_id=state.agent_id,
        tier=Tier(state.context_tier),
        key=state.context_key,
        value=state.context_value,
        updated_at=state.updated_at,
    )
