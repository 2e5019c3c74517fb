"""Slots of cards: how many experts a card works for at a time, over all workers and users.

An expert's claim is a row: to a slot of its card, and of every card that its model is divided over, all at once or
none. It waits until each has one free for it, the highest priority first and then the oldest, and it holds them until
the row is gone. On each card it keeps its place meanwhile, so that nobody who came later goes before. Who grants holds
the locks of the cards, so that no two grant the same slot.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
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
    "INSERT INTO card_leases (user_id, delegation_id, gpu_id, further_gpu_ids, worker_id, priority) "
    "SELECT user_id, delegation_id, gpu_id, CAST(further AS integer[]), worker_id, priority FROM "
    "unnest(CAST(:users AS bigint[]), CAST(:delegations AS bigint[]), CAST(:cards AS integer[]), "
    "CAST(:further AS text[]), CAST(:workers AS uuid[]), CAST(:priorities AS smallint[])) "
    "AS new (user_id, delegation_id, gpu_id, further, worker_id, priority) ON CONFLICT (delegation_id) DO NOTHING"
)
SHARING = text(
    "SELECT DISTINCT unnest(gpu_id || further_gpu_ids) FROM card_leases "
    "WHERE granted_at IS NULL AND further_gpu_ids <> '{}' AND gpu_id || further_gpu_ids && CAST(:cards AS integer[])"
)
GRANT = text(
    "WITH claims AS (SELECT delegation_id, unnest(gpu_id || further_gpu_ids) AS gpu_id, priority, requested_at, "
    " granted_at FROM card_leases WHERE gpu_id = ANY (:cards) "
    " OR further_gpu_ids && CAST(:cards AS integer[])), "
    "cards AS (SELECT id, coalesce(max_concurrent_agents, :slots) - "
    " (SELECT count(*) FROM claims WHERE gpu_id = card.id AND granted_at IS NOT NULL) AS free "
    " FROM gpu_resources card WHERE id = ANY (:cards)), "
    "waiting AS (SELECT delegation_id, gpu_id, row_number() OVER "
    " (PARTITION BY gpu_id ORDER BY priority DESC, requested_at, delegation_id) AS place "
    " FROM claims WHERE granted_at IS NULL), "
    "next AS (SELECT delegation_id FROM waiting LEFT JOIN cards ON cards.id = waiting.gpu_id "
    " GROUP BY delegation_id HAVING bool_and(coalesce(place <= free, false))) "
    "UPDATE card_leases SET granted_at = clock_timestamp() FROM next "
    "WHERE card_leases.delegation_id = next.delegation_id "
    "RETURNING next.delegation_id, "
    "(SELECT conversation_id FROM task_delegations WHERE id = next.delegation_id) AS conversation_id"
)
GRANTED = text(
    "SELECT delegation_id FROM card_leases WHERE delegation_id = ANY (:delegations) AND granted_at IS NOT NULL"
)
RETURN = text("DELETE FROM card_leases WHERE delegation_id = ANY (:delegations) RETURNING gpu_id || further_gpu_ids")
RETURN_ALL = text("DELETE FROM card_leases WHERE worker_id = :worker RETURNING gpu_id || further_gpu_ids")


@dataclass(frozen=True, slots=True)
class Claim:
    """An expert's wish for a slot of each of its cards; the highest `priority`, of 1 to 10, comes first."""

    user_id: int
    delegation_id: int
    gpu_ids: tuple[int, ...]
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
                "cards": [claim.gpu_ids[0] for claim in claims],
                "further": ["{" + ",".join(map(str, claim.gpu_ids[1:])) + "}" for claim in claims],
                "workers": [claim.worker_id for claim in claims],
                "priorities": [claim.priority for claim in claims],
            },
        )
        _grant(session, (claim.gpu_ids for claim in claims), asked)
        return frozenset(session.scalars(GRANTED, {"delegations": asked}))


def give_back(session: Session, delegation_ids: Collection[int]) -> None:
    """Give the slots of these delegations, or their places among the waiting, to whoever is next."""
    if not delegation_ids:
        return
    session.flush()
    with everybodys_rows(session):
        _grant(session, session.scalars(RETURN, {"delegations": list(delegation_ids)}), ())


def give_back_all(session: Session, worker_id: UUID) -> None:
    """Give every slot of a worker that has ended to whoever is next."""
    session.flush()
    with everybodys_rows(session):
        _grant(session, session.scalars(RETURN_ALL, {"worker": worker_id}), ())


def _grant(session: Session, of_claims: Iterable[Collection[int]], asking: Collection[int]) -> None:
    """Grant what is free on the cards of these claims, and announce it to all but those who are `asking` right now."""
    gpu_ids = set(chain.from_iterable(of_claims))
    if not gpu_ids:
        return
    # Who waits for one of these and for others, too, gets them only where all are looked at.
    cards = sorted({*gpu_ids, *session.scalars(SHARING, {"cards": list(gpu_ids)})})
    for gpu_id in cards:  # in one order, so that no two wait for each other
        session.execute(select(func.pg_advisory_xact_lock(SLOT_LOCKS, gpu_id)))
    granted = session.execute(GRANT, {"cards": cards, "slots": SLOTS_OF_A_CARD}).all()
    announce(session, [Change("slot", conversation_id) for own, conversation_id in granted if own not in asking])
