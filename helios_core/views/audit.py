"""The audit as its list shows it: who changed what, when and why. Nobody sees another's without being an operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session, aliased

from helios_core.database.session import Principal, principal_of
from helios_core.models import AgentConfiguration, AuditEvent, GPUAllocation, User
from helios_core.services.audit import NAMES
from helios_core.views.paging import Cursor, Page, older_than

ROWS_OF_AN_AGENT = 200
"""So many of an agent's configurations, and of its allocations, the newest, are looked up in the audit."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes to list; None is all. `subject` is the table of what was changed; `until` is not included."""

    subject: str | None = None
    subject_id: str | None = None
    actor_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row. `before` None: it was new; `after` None: it is gone; both hold only what differs."""

    id: int
    occurred_at: datetime
    actor: str
    """Who changed it; Helios itself where nobody asked for it."""
    owner: str | None
    """Whose it is; None where it is everybody's."""
    action: str
    subject: str
    subject_id: str
    name: str | None
    """What it is called, where it has a name; it outlives the row."""
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def list_changes(session: Session, which: AuditFilter, after: Cursor | None = None, limit: int = 100) -> Page[Change]:
    """The newest changes that match."""
    return _newest(session, _conditions(principal_of(session), which), after, limit)


def agent_changes(session: Session, agent_id: str, after: Cursor | None = None, limit: int = 100) -> Page[Change]:
    """The newest changes of what an agent is configured with and was promised, to the reader's eyes."""
    subjects = [
        (table.__tablename__, str(row_id))
        for table in (AgentConfiguration, GPUAllocation)
        for row_id in session.scalars(
            select(table.id).where(table.agent_id == agent_id).order_by(table.id.desc()).limit(ROWS_OF_AN_AGENT)
        )
    ]
    of_agent = tuple_(AuditEvent.subject, AuditEvent.subject_id).in_(subjects)
    return _newest(session, [*_conditions(principal_of(session), AuditFilter()), of_agent], after, limit)


def _newest(session: Session, conditions: list[ColumnElement[bool]], after: Cursor | None, limit: int) -> Page[Change]:
    actor, owner = aliased(User), aliased(User)
    rows = session.execute(
        select(AuditEvent, actor.username, owner.username)
        .outerjoin(actor, actor.id == AuditEvent.actor_id)
        .outerjoin(owner, owner.id == AuditEvent.user_id)
        .where(older_than(after, AuditEvent.occurred_at, AuditEvent.id), *conditions)
        .order_by(AuditEvent.occurred_at.desc(), AuditEvent.id.desc())
        .limit(limit + 1)
    ).all()
    changes = tuple(_change(event, actor_name, owner_name) for event, actor_name, owner_name in rows[:limit])
    return Page(changes, Cursor(changes[-1].occurred_at, changes[-1].id) if len(rows) > limit else None)


def _conditions(reader: Principal, which: AuditFilter) -> list[ColumnElement[bool]]:
    # A member's index leads with the user; the policy alone could not use it.
    conditions: list[ColumnElement[bool]] = [] if reader.sees_all else [AuditEvent.user_id == reader.user_id]
    if which.subject is not None:
        conditions.append(AuditEvent.subject == which.subject)
    if which.subject_id is not None:
        conditions.append(AuditEvent.subject_id == which.subject_id)
    if which.actor_id is not None:
        conditions.append(AuditEvent.actor_id == which.actor_id)
    if which.since is not None:
        conditions.append(AuditEvent.occurred_at >= which.since)
    if which.until is not None:
        conditions.append(AuditEvent.occurred_at < which.until)
    return conditions


def _change(event: AuditEvent, actor: str | None, owner: str | None) -> Change:
    return Change(
        id=event.id,
        occurred_at=event.occurred_at,
        actor="Helios" if event.actor_id is None else actor or "somebody else",
        owner=owner,
        action=event.action,
        subject=event.subject,
        subject_id=event.subject_id,
        name=_name(event.after or event.before or {}),
        reason=event.reason,
        before=event.before,
        after=event.after,
    )


def _name(values: Mapping[str, Any]) -> str | None:
    return next((str(values[name]) for name in NAMES if values.get(name) is not None), None)
