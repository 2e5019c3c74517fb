"""Announcements to workers: what changed of which conversation, told at the commit of the change.

They say where to look, and nothing else: a worker that missed one finds the same in the tables.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.sending import send

CHANNEL = "helios_work"

Kind = Literal["request", "control", "slot"]
"""A run waits for a worker; somebody steered a conversation; a card's slot was granted to one of its delegations."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened, and in which conversation."""

    kind: Kind
    conversation_id: int


NOTIFY = text("SELECT pg_notify(:channel, told) FROM unnest(CAST(:told AS text[])) AS told")


def announce(session: Session, changes: Iterable[Change]) -> None:
    """Tell all workers, once the transaction is committed."""
    told = list(dict.fromkeys(f"{change.kind} {change.conversation_id}" for change in changes))
    if told:
        send(session, NOTIFY, {"channel": CHANNEL, "told": told})


def read(payload: str) -> Change | None:
    """What an announcement says; None where it is none of ours."""
    kind, _, conversation_id = payload.partition(" ")
    if kind in get_args(Kind) and conversation_id.isdecimal():
        return Change(cast("Kind", kind), int(conversation_id))
    return None
