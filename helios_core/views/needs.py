"""What needs the reader now: cards, collectors, delegations and answers with which something is wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from helios_core.models import GPUAllocation, GPUEvent, GPUResource, MultiAgentConversation, TaskSynthesis
from helios_core.views.delegations import DelegationFilter, under_way
from helios_core.views.settings import CollectorState, health
from helios_core.views.workers import workforce

Severity = Literal["critical", "warning", "review"]

LOW_CONSENSUS = 0.5
"""Below this agreement a synthesis wants a reader."""
REVIEW_DAYS = 7
"""Older syntheses are not brought up again."""
NEEDS_OF_A_KIND = 3


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that somebody should look at, and the page where they can: its name and what to select there."""

    severity: Severity
    title: str
    detail: str
    action: str
    page: str
    selection: tuple[tuple[str, str], ...] = ()


NO_COLLECTOR = Need(
    severity="warning",
    title="Nobody reads the cards",
    detail="No collector has reported here yet; “helios up” starts one.",
    action="Health",
    page="settings",
)


def needs(session: Session, limit: int = NEEDS_OF_A_KIND) -> tuple[Need, ...]:
    """What needs the reader now, the worst first, of a kind at most `limit`; nothing where all is well."""
    state = health(session)
    found = [
        *_cards(session, state.read_at),
        *(_collector(c, state.read_at) for c in state.collectors if c.status != "ok"),
        *([] if state.collectors else [NO_COLLECTOR]),
        *_waiting(session, state.read_at),
        *_stuck(session, state.read_at, limit),
        *_doubtful(session, state.read_at, limit),
    ]
    order: tuple[Severity, ...] = ("critical", "warning", "review")
    return tuple(sorted(found, key=lambda need: order.index(need.severity)))


def _cards(session: Session, now: datetime) -> list[Need]:
    ailing = session.scalars(
        select(GPUResource)
        .where(GPUResource.is_enabled, GPUResource.health.in_(("warning", "critical", "lost")))
        .order_by(GPUResource.id)
    ).all()
    return [_card(session, card, now) for card in ailing]


def _card(session: Session, card: GPUResource, now: datetime) -> Need:
    agents = session.scalars(
        select(func.count()).select_from(GPUAllocation)
        .where(GPUAllocation.gpu_id == card.id, GPUAllocation.released_at.is_(None))
    ).one()  # fmt: skip
    since = session.scalars(
        select(GPUEvent.occurred_at).where(GPUEvent.gpu_id == card.id).order_by(GPUEvent.occurred_at.desc()).limit(1)
    ).one_or_none()
    must_leave = agents > 0 and card.health != "warning"
    parts = [
        f"for {spoken(now - since)}" if since else "",
        f"{agents} agent{'' if agents == 1 else 's'} affected" if agents else "no agent affected",
    ]
    return Need(
        severity="warning" if card.health == "warning" else "critical",
        title=f"GPU {card.id} – {(card.health_message or card.health).rstrip('.')}",
        detail=" · ".join(filter(None, parts)),
        action="Plan a move" if must_leave else "Open",
        page="placement" if must_leave else "gpus",
        selection=(("without" if must_leave else "gpu", str(card.id)),),
    )


def _collector(state: CollectorState, now: datetime) -> Need:
    if state.status == "warning":
        title = f"The collector of {state.host} reports a problem"
    elif state.last_success_at is None:
        title = f"The collector of {state.host} has not read a card yet"
    else:
        title = f"The collector of {state.host} has been silent for {spoken(now - state.last_success_at)}"
    detail = state.message or "The figures of its cards are old; start “helios collect” there."
    return Need("warning", title, detail, "Health", "settings")


def _waiting(session: Session, now: datetime) -> list[Need]:
    """Conversations that nobody is there to carry."""
    found = workforce(session)
    if found.workers or found.waiting_since is None:
        return []
    what = "A conversation waits" if found.waiting == 1 else f"{found.waiting} conversations wait"
    since = spoken(now - found.waiting_since)
    detail = f"Asked {since} ago, and none is there; start one with “helios up” or “helios work”."
    return [Need("critical", f"{what} for a worker", detail, "Open", "conversations")]


def _stuck(session: Session, now: datetime, limit: int) -> list[Need]:
    stuck = [row for row in under_way(session, DelegationFilter(), now) if row.stuck is not None]
    return [
        Need(
            severity="warning",
            title=f"The delegation to {row.target_name} is stuck",
            detail=" · ".join(filter(None, [row.stuck, f"attempt {row.attempt}" if row.attempt > 1 else ""])),
            action="Open",
            page="delegations",
            selection=(("delegation", str(row.id)),),
        )
        for row in stuck[:limit]
    ]


def _doubtful(session: Session, now: datetime, limit: int) -> list[Need]:
    later = aliased(TaskSynthesis)
    rows = session.execute(
        select(TaskSynthesis.consensus_score, TaskSynthesis.effective_votes, MultiAgentConversation)
        .join(MultiAgentConversation, MultiAgentConversation.id == TaskSynthesis.conversation_id)
        .where(
            TaskSynthesis.created_at > now - timedelta(days=REVIEW_DAYS),
            TaskSynthesis.consensus_score < LOW_CONSENSUS,
            # The last one of a conversation counts: a review may have sent the one before back.
            ~exists().where(later.conversation_id == TaskSynthesis.conversation_id, later.id > TaskSynthesis.id),
        )
        .order_by(TaskSynthesis.created_at.desc())
        .limit(limit)
    )
    return [
        Need(
            severity="review",
            title=f"Agreement of only {score:.2f}" + (f", {votes:.1f} independent votes" if votes else ""),
            detail=("sample · " if talk.source == "sample" else "") + f"“{talk.title}”",
            action="Review",
            page="synthesis",
            selection=(("conversation", str(talk.id)),),
        )
        for score, votes, talk in rows
    ]


def spoken(span: timedelta) -> str:
    """A span in its largest unit: "40 s", "4 min", "3 h", "2 d"."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
