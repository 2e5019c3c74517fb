"""What has needed somebody: troubles and warnings of cards, and delegations that failed, the newest first."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.errors import NotFound
from helios_core.models import (
    AlertAcknowledgement,
    Base,
    GPUEvent,
    GPUTrouble,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
    User,
)
from helios_core.views.events import AT_WORK
from helios_core.views.participants import named

Severity = Literal["critical", "warning"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning")

TROUBLES: dict[str, tuple[Severity, str]] = {
    "lost": ("critical", "was lost"),
    "throttled": ("warning", "slowed itself down"),
    "hot": ("warning", "was too hot"),
    "over_promised": ("warning", "was promised more often than there is of it"),
}
"""How bad each trouble of a card is, and what it was."""
ENDED_BADLY: dict[TaskDelegationStatus, str] = {
    TaskDelegationStatus.FAILED: "failed",
    TaskDelegationStatus.TIMEOUT: "took too long",
}


KEY = r"^(trouble|card|delegation)-[0-9]{1,18}$"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has seen an alert, when, and what they noted."""

    by: str
    at: datetime
    note: str | None
    is_own: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that was wrong. Without `ended_at` it has no end: it lasts, or it was of a moment."""

    key: str
    at: datetime
    ended_at: datetime | None
    lasts: bool
    """Whether it is still so."""
    severity: Severity
    title: str
    detail: str
    page: str
    selection: tuple[tuple[str, str], ...]
    acknowledgements: tuple[Acknowledgement, ...] = ()
    """The reader's own, and for operators everybody's, the newest first."""


def list_alerts(
    session: Session, since: datetime, severity: Severity | None = None, limit: int = 50
) -> tuple[Alert, ...]:
    """The newest alerts that began after `since`, of one severity or of all."""
    wanted = SEVERITIES if severity is None else (severity,)
    found = chain(
        _troubles(session, since, wanted, limit),
        _of_cards(session, since, wanted, limit),
        _of_delegations(session, since, limit) if "warning" in wanted else (),
    )
    newest = sorted(found, key=lambda alert: (alert.at, alert.key), reverse=True)[:limit]
    seen = _acknowledgements(session, [alert.key for alert in newest])
    return tuple(replace(alert, acknowledgements=tuple(seen[alert.key])) for alert in newest)


def find_alert(session: Session, key: str) -> Alert:
    """One alert, or NotFound."""
    kind, _, number = key.partition("-")
    row = session.get(TABLES[kind], int(number)) if re.fullmatch(KEY, key) else None
    alert = None if row is None else _alert_of(row)
    if alert is None:
        message = f"There is no alert {key}."
        raise NotFound(message)
    return replace(alert, acknowledgements=tuple(_acknowledgements(session, [key])[key]))


TABLES: dict[str, type[Base]] = {"trouble": GPUTrouble, "card": GPUEvent, "delegation": TaskDelegation}


def _alert_of(row: Base) -> Alert | None:
    """What is wrong by a row; None where nothing is."""
    if isinstance(row, GPUTrouble):
        return _trouble(row)
    if isinstance(row, GPUEvent) and row.severity in SEVERITIES:
        return _reported(row)
    if isinstance(row, TaskDelegation) and row.status in ENDED_BADLY:
        return _ended_badly(row)
    return None


def _acknowledgements(session: Session, keys: Sequence[str]) -> dict[str, list[Acknowledgement]]:
    found: dict[str, list[Acknowledgement]] = defaultdict(list)
    rows = session.execute(
        select(AlertAcknowledgement, User.username)
        .join(User, User.id == AlertAcknowledgement.user_id)
        .where(AlertAcknowledgement.alert.in_(keys))
        .order_by(AlertAcknowledgement.created_at.desc())
    )
    me = principal_of(session).user_id
    for row, username in rows:
        found[row.alert].append(Acknowledgement(username, row.created_at, row.note, is_own=row.user_id == me))
    return found


def _troubles(session: Session, since: datetime, wanted: Sequence[Severity], limit: int) -> Iterable[Alert]:
    kinds = [kind for kind, (severity, _) in TROUBLES.items() if severity in wanted]
    newest = (
        select(GPUTrouble)
        .where(GPUTrouble.began_at >= since, GPUTrouble.kind.in_(kinds))
        .order_by(GPUTrouble.began_at.desc())
        .limit(limit)
    )
    return map(_trouble, session.scalars(newest))


def _trouble(row: GPUTrouble) -> Alert:
    severity, what = TROUBLES[row.kind]
    return Alert(
        key=f"trouble-{row.id}",
        at=row.began_at,
        ended_at=row.ended_at,
        lasts=row.ended_at is None,
        severity=severity,
        title=f"GPU {row.gpu_id} {what}",
        detail=row.detail,
        page="gpus",
        selection=(("gpu", str(row.gpu_id)),),
    )


def _of_cards(session: Session, since: datetime, wanted: Sequence[Severity], limit: int) -> Iterable[Alert]:
    newest = (
        select(GPUEvent)
        .where(GPUEvent.occurred_at >= since, GPUEvent.severity.in_(wanted))
        .order_by(GPUEvent.occurred_at.desc())
        .limit(limit)
    )
    return map(_reported, session.scalars(newest))


def _reported(row: GPUEvent) -> Alert:
    who = "A collector" if row.gpu_id is None else f"GPU {row.gpu_id}"
    return Alert(
        key=f"card-{row.id}",
        at=row.occurred_at,
        ended_at=None,
        lasts=False,
        severity="critical" if row.severity == "critical" else "warning",
        title=f"{who} reported",
        detail=row.message,
        page="gpus",
        selection=() if row.gpu_id is None else (("gpu", str(row.gpu_id)),),
    )


def _of_delegations(session: Session, since: datetime, limit: int) -> Iterable[Alert]:
    newest = (
        select(TaskDelegation)
        .join(MultiAgentConversation, MultiAgentConversation.id == TaskDelegation.conversation_id)
        .where(
            TaskDelegation.created_at >= since,
            TaskDelegation.status.in_(list(ENDED_BADLY)),
            MultiAgentConversation.source.in_(AT_WORK),
        )
        .order_by(TaskDelegation.created_at.desc())
        .limit(limit)
    )
    return map(_ended_badly, session.scalars(newest))


def _ended_badly(row: TaskDelegation) -> Alert:
    return Alert(
        key=f"delegation-{row.id}",
        at=row.completed_at or row.created_at,
        ended_at=None,
        lasts=False,
        severity="warning",
        title=f"The delegation to {named(row.target_agent_id)} {ENDED_BADLY[row.status]}",
        detail=row.error_message or row.task_description,
        page="delegations",
        selection=(("delegation", str(row.id)),),
    )
