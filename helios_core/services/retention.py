"""Retention: how long data of each class is kept, what has expired, and its end.

Samples of cards and their rollups are no class of it: the collector ends them, by the settings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, text
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.errors import InvalidInput
from helios_core.models import BlackboardEvent, GPUEvent, MultiAgentConversation, RetentionRule
from helios_core.models.base import Base
from helios_core.services.audit import record, recorded
from helios_core.services.editing import require_seen
from helios_core.services.permissions import Action, require
from helios_core.services.workspace import Workspace

BATCH_ROWS = 500
KEEP_DAYS_MAX = 36_500


@dataclass(frozen=True, slots=True)
class DataClass:
    """Rows of one table that expire by one clock, and what goes with them."""

    table: type[Base]
    age: Any
    """The column by which a row grows old."""
    ended: ColumnElement[bool]
    """What may expire at all."""
    parts: tuple[str, ...] = ()
    """Tables whose rows go with a row's conversation."""


CLASSES: Mapping[str, DataClass] = {
    "conversations": DataClass(
        MultiAgentConversation,
        func.coalesce(MultiAgentConversation.ended_at, MultiAgentConversation.created_at),
        MultiAgentConversation.outcome.is_not(None),
        (
            "agent_participations",
            "task_delegations",
            "agent_responses",
            "task_synthesis",
            "conversation_messages",
            "conversation_phases",
        ),
    ),
    "blackboard_events": DataClass(BlackboardEvent, BlackboardEvent.created_at, BlackboardEvent.id.is_not(None)),
    "gpu_events": DataClass(GPUEvent, GPUEvent.occurred_at, GPUEvent.id.is_not(None)),
}


@dataclass(frozen=True, slots=True)
class Expired:
    """What of one class has expired: how many rows, from when, how large with their parts (bytes of the rows alone)."""

    data_class: str
    keep_days: int
    before: datetime
    row_count: int
    oldest_at: datetime | None
    size_bytes: int


def keep(
    session: Session,
    data_class: str,
    keep_days: int | None,
    reason: str | None = None,
    *,
    seen: Mapping[str, object] | None = None,
) -> None:
    """Keep data of a class for `keep_days`; None: for ever. Nothing is deleted before somebody applies it.

    `seen`: `{"keep_days": …}` as the editor saw it; EditConflict where it is another by now.
    """
    require(session, Action.EDIT_RETENTION)
    if data_class not in CLASSES:
        raise InvalidInput({"data_class": f"Choose one of {', '.join(CLASSES)}."})
    if keep_days is not None:
        keep_days_checked(keep_days)
    found = session.get(RetentionRule, data_class, with_for_update=True, populate_existing=True)
    require_seen(seen, {"keep_days": found.keep_days if found else None}, "how long it is kept")
    if keep_days is None:
        if found is not None:
            with recorded(session, "removed", found, reason):
                session.delete(found)
        return
    rule = found or RetentionRule(data_class=data_class)
    with refusals(session), recorded(session, "changed" if found else "added", rule, reason):
        rule.keep_days, rule.is_active = keep_days, True


def keep_days_checked(keep_days: int) -> int:
    """A number of days that data may be kept, or InvalidInput."""
    if not 1 <= keep_days <= KEEP_DAYS_MAX:
        raise InvalidInput({"keep_days": f"Keep it for 1 to {KEEP_DAYS_MAX:,} whole days, or for ever."})
    return keep_days


def would_expire(session: Session, data_class: str, keep_days: int) -> Expired:
    """What would have expired if data of a class were kept for `keep_days`; nothing is changed."""
    require(session, Action.DELETE_EXPIRED)
    now: datetime = session.scalars(select(func.now())).one()
    return _expired(session, data_class, keep_days, now - timedelta(days=keep_days_checked(keep_days)))


def preview(session: Session) -> tuple[Expired, ...]:
    """What has expired by the rules that hold, for whoever may delete it; nothing is changed."""
    require(session, Action.DELETE_EXPIRED)
    now: datetime = session.scalars(select(func.now())).one()
    rules = select(RetentionRule).where(RetentionRule.is_active).order_by(RetentionRule.data_class)
    return tuple(
        _expired(session, rule.data_class, rule.keep_days, now - timedelta(days=rule.keep_days))
        for rule in session.scalars(rules)
    )


def apply(workspace: Workspace, shown: tuple[Expired, ...]) -> dict[str, int]:
    """Delete what `shown` showed, and return how many rows went by class.

    Each batch is a transaction of its own, with its event in the audit: an end half-way leaves whole batches, and the
    next call goes on.
    """
    gone = dict.fromkeys((expired.data_class for expired in shown), 0)
    for data_class, count in batches(workspace, shown):
        gone[data_class] += count
    return gone


def batches(workspace: Workspace, shown: tuple[Expired, ...]) -> Iterator[tuple[str, int]]:
    """Delete what `shown` showed, and tell of each batch the class and how many rows went."""
    for expired in shown:
        while count := workspace.act(partial(delete_batch, expired=expired)):
            yield expired.data_class, count


def _expired(session: Session, data_class: str, keep_days: int, before: datetime) -> Expired:
    found = CLASSES[data_class]
    row_count, oldest_at, size = session.execute(
        select(func.count(), func.min(found.age), func.coalesce(func.sum(_row_size(found.table.__tablename__)), 0))
        .select_from(found.table)
        .where(found.age < before, found.ended)
    ).one()
    parts = sum(_parts_size(session, part, found, before) for part in found.parts)
    return Expired(data_class, keep_days, before, row_count, oldest_at, int(size) + parts)


def _parts_size(session: Session, part: str, whole: DataClass, before: datetime) -> int:
    table = Base.metadata.tables[part]
    ids = _ids(whole, before)
    return int(
        session.scalar(select(func.coalesce(func.sum(_row_size(part)), 0)).where(table.c.conversation_id.in_(ids))) or 0
    )


def _row_size(table: str) -> ColumnElement[int]:
    """The bytes of a whole row, large values included."""
    return func.pg_column_size(text(f"{table}.*"))


def _ids(found: DataClass, before: datetime) -> Select[Any]:
    return select(found.table.__table__.c.id).where(found.age < before, found.ended)


def delete_batch(session: Session, expired: Expired) -> int:
    """Delete the next rows of a class, the first made first, and record it."""
    require(session, Action.DELETE_EXPIRED)
    found = CLASSES[expired.data_class]
    table = Base.metadata.tables[found.table.__tablename__]
    ids = _ids(found, expired.before).order_by(table.c.id).limit(BATCH_ROWS)
    count = len(session.scalars(delete(found.table).where(table.c.id.in_(ids)).returning(table.c.id)).all())
    if count:
        record(
            session,
            "expired",
            table.name,
            expired.data_class,
            before={"rows": count, "older_than": expired.before.isoformat(), "keep_days": expired.keep_days},
            after=None,
            reason=f"kept for {expired.keep_days} days",
        )
    return count
