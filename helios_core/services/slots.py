"""Slots of cards: how many experts a card works for at a time, over all workers and users.

An expert's claim to a slot is a row. It waits until the card has a slot free for it, the highest priority first and
then the oldest, and it holds the slot until the row is gone. Who grants holds the card's lock, so that no two grant the
same slot.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from helios_core.services.announcements import Change, announce
from helios_core.services.everybody import everybodys_rows

SLOTS_OF_A_CARD = 4
"""How many experts a card works for at a time where its row does not say."""
SLOT_LOCKS = 0x736C6F74
"""The first key of the advisory locks on cards' slots; the second is the card's id."""

CLAIM = text(
    "INSERT INTO card_leases (user_id, delegation_id, gpu_id, worker_id, priority) "
    "SELECT * FROM unnest(CAST(:users AS bigint[]), CAST(:delegations AS bigint[]), CAST(:cards AS integer[]), "
    "CAST(:workers AS uuid[]), CAST(:priorities AS smallint[])) ON CONFLICT (delegation_id) DO NOTHING"
)
GRANT = text(
    "WITH cards AS (SELECT id, coalesce(max_concurrent_agents, :slots) - "
    " (SELECT count(*) FROM card_leases WHERE gpu_id = card.id AND granted_at IS NOT NULL) AS free "
    " FROM gpu_resources card WHERE id = ANY (:cards)), "
    "waiting AS (SELECT delegation_id, gpu_id, row_number() OVER "
    " (PARTITION BY gpu_id ORDER BY priority DESC, requested_at, delegation_id) AS place "
    " FROM card_leases WHERE gpu_id = ANY (:cards) AND granted_at IS NULL) "
    "UPDATE card_leases SET granted_at = clock_timestamp() FROM waiting JOIN cards ON cards.id = waiting.gpu_id "
    "WHERE card_leases.delegation_id = waiting.delegation_id AND waiting.place <= cards.free "
    "RETURNING waiting.delegation_id, "
    "(SELECT conversation_id FROM task_delegations WHERE id = waiting.delegation_id) AS conversation_id"
)
GRANTED = text(
    "SELECT delegation_id FROM card_leases WHERE delegation_id = ANY (:delegations) AND granted_at IS NOT NULL"
)
RETURN = text("DELETE FROM card_leases WHERE delegation_id = ANY (:delegations) RETURNING gpu_id")
RETURN_ALL = text("DELETE FROM card_leases WHERE worker_id = :worker RETURNING gpu_id")


@dataclass(frozen=True, slots=True)
class Claim:
    """An expert's wish for a slot of a card; the highest `priority`, of 1 to 10, comes first."""

    user_id: int
    delegation_id: int
    gpu_id: int
    worker_id: UUID
    priority: int


def claim(session: Session, claims: Sequence[Claim]) -> frozenset[int]:
    """Ask for slots; the delegations that hold one now. Those that wait are announced when they get theirs."""
    if not claims:
        return frozenset()
    asked = [claim.delegation_id for claim in claims]
    session.flush()
    with everybodys_rows(session):
        session.execute(
            CLAIM,
            {
                "users": [claim.user_id for claim in claims],
                "delegations": asked,
                "cards": [claim.gpu_id for claim in claims],
                "workers": [claim.worker_id for claim in claims],
                "priorities": [claim.priority for claim in claims],
            },
        )
        _grant(session, {claim.gpu_id for claim in claims}, asked)
        return frozenset(session.scalars(GRANTED, {"delegations": asked}))


def give_back(session: Session, delegation_ids: Collection[int]) -> None:
    """Give the slots of these delegations, or their places among the waiting, to whoever is next."""
    if not delegation_ids:
        return
    session.flush()
    with everybodys_rows(session):
        _grant(session, set(session.scalars(RETURN, {"delegations": list(delegation_ids)})), ())


def give_back_all(session: Session, worker_id: UUID) -> None:
    """Give every slot of a worker that has ended to whoever is next."""
    session.flush()
    with everybodys_rows(session):
        _grant(session, set(session.scalars(RETURN_ALL, {"worker": worker_id})), ())


def _grant(session: Session, gpu_ids: Collection[int], asking: Collection[int]) -> None:
    """Grant what is free on these cards, and announce it to all but those who are `asking` right now."""
    if not gpu_ids:
        return
    for gpu_id in sorted(gpu_ids):  # in one order, so that no two wait for each other
        session.execute(select(func.pg_advisory_xact_lock(SLOT_LOCKS, gpu_id)))
    granted = session.execute(GRANT, {"cards": sorted(gpu_ids), "slots": SLOTS_OF_A_CARD}).all()
    announce(session, [Change("slot", conversation_id) for own, conversation_id in granted if own not in asking])
