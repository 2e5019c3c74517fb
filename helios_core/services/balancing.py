"""Live load balancing: cards that are lost, over-promised, throttled or hot cause a plan that relieves them.

A plan is proposed, and applied at once where a rule in force for the card says so. What is never done twice in a row:
a card gets at most one plan in COOLDOWN_SECONDS, an agent that balancing moved stays for STAY_SECONDS, and nothing goes
to a card that is in trouble itself. When a trouble acts and when it ends, `troubles` says. Any collector balances; a
lock lets only one of them do it at a time, and all that is remembered is in the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.errors import HeliosError
from helios_core.models import GPUResource, GPUSample, GPUTrouble, PlacementDecision, PlacementMove, PlacementPlan
from helios_core.services.explanations import Explanation
from helios_core.services.fleet import LoadedFleet, load_fleet
from helios_core.services.placement import decide
from helios_core.services.plans import apply_plan, discard_plan, keep_plan
from helios_core.services.promises import gib
from helios_core.services.seats import Seat
from helios_core.services.troubles import Kind, Sign, Watched, sign_of, sign_of_heat, watch
from helios_core.services.whatif import DraftMove
from helios_core.telemetry.readings import ThrottleReason, throttle_reasons

BALANCING_LOCK = 0x62616C616E6365
COOLDOWN_SECONDS = 600.0
STAY_SECONDS = 900.0
FRESH_SECONDS = 30.0
"""Older readings say nothing."""
CRITICAL_MARGIN_CELSIUS = 3.0
"""A card without a rule is hot so far below the temperature at which it slows down."""
SLOWED_BY = {
    ThrottleReason.HARDWARE_SLOWDOWN,
    ThrottleReason.THERMAL,
    ThrottleReason.HARDWARE_THERMAL,
    ThrottleReason.POWER_BRAKE,
}
TITLES: Mapping[Kind, str] = {
    "lost": "is lost",
    "over_promised": "has more promised than it has",
    "throttled": "is slowed down",
    "hot": "is hot",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look finds of one kind of trouble on one card."""

    gpu_id: int
    kind: Kind
    sign: Sign
    detail: str


def balance(session: Session) -> tuple[int, ...]:
    """Look at every card, and propose or apply what relieves those in trouble; the plans that were made."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(BALANCING_LOCK))):
        return ()
    fleet = load_fleet(session)
    rows = _open_troubles(session)
    for seen in _look(session, fleet):
        _follow(session, rows, seen, fleet.now)
    acting = [row for row in rows.values() if row.ended_at is None and _watched(row).is_acting]
    order: list[Kind] = ["lost", "over_promised", "throttled", "hot"]
    due = [row for row in acting if _is_due(session, row, fleet.now)]
    made = []
    for row in sorted(due, key=lambda row: (order.index(_watched(row).kind), row.gpu_id)):
        plan_id = _relieve(session, load_fleet(session), row, {other.gpu_id for other in rows.values()})
        if plan_id is not None:
            row.plan_id = plan_id
            session.flush()
            made.append(plan_id)
    return tuple(made)


def _look(session: Session, fleet: LoadedFleet) -> Iterable[Seen]:
    latest = (GPUSample.gpu_id == GPUResource.id) & (GPUSample.sampled_at == GPUResource.sampled_at)
    rows = session.execute(select(GPUResource, GPUSample.throttle_reasons).outerjoin(GPUSample, latest)).all()
    ledger = fleet.placer.ledger
    for row, mask in rows:
        card = ledger.cards[ledger.position_of[row.id]]
        is_fresh = row.sampled_at is not None and fleet.now - row.sampled_at <= timedelta(seconds=FRESH_SECONDS)
        celsius = row.current_temperature_celsius if is_fresh else None
        limit = _heat_limit(fleet, row)
        reasons = None if mask is None or not is_fresh else SLOWED_BY & set(throttle_reasons(mask))
        is_lost = None if row.health == "unknown" else row.health == "lost"
        over_mib = card.promised_mib - card.capacity_mib
        yield Seen(row.id, "lost", sign_of(is_lost), row.health_message or "The card does not answer.")
        yield Seen(
            row.id, "over_promised", sign_of(over_mib > 0), f"{gib(over_mib)} GiB more are promised than there are."
        )
        slowed = None if reasons is None else bool(reasons)
        yield Seen(row.id, "throttled", sign_of(slowed), f"Slowed down by {', '.join(sorted(reasons or ()))}.")
        yield Seen(row.id, "hot", sign_of_heat(celsius, limit), f"{celsius} °C; {limit} °C is too hot here.")


def _heat_limit(fleet: LoadedFleet, row: GPUResource) -> float | None:
    """From what temperature on the card is hot: by the strictest rule for it, or by its own limit."""
    limits = [float(r.max_temperature_celsius) for r in fleet.limits.rules
              if r.max_temperature_celsius is not None and r.is_about_gpu(row.id)]  # fmt: skip
    if row.slowdown_temperature_celsius is not None:
        limits.append(row.slowdown_temperature_celsius - CRITICAL_MARGIN_CELSIUS)
    return min(limits, default=None)


def _open_troubles(session: Session) -> dict[tuple[int, str], GPUTrouble]:
    rows = session.scalars(select(GPUTrouble).where(GPUTrouble.ended_at.is_(None)))
    return {(row.gpu_id, row.kind): row for row in rows}


def _follow(session: Session, rows: dict[tuple[int, str], GPUTrouble], seen: Seen, now: datetime) -> None:
    """Bring the row of a trouble up to one more look."""
    row = rows.get((seen.gpu_id, seen.kind))
    after = watch(None if row is None else _watched(row), seen.kind, seen.sign, now)
    if after is None:
        if row is not None:
            del rows[seen.gpu_id, seen.kind]
            session.delete(row)
        return
    if row is None:
        row = rows[seen.gpu_id, seen.kind] = GPUTrouble(gpu_id=seen.gpu_id, kind=seen.kind, began_at=after.began_at)
        session.add(row)
    if seen.sign == "bad":
        row.detail = seen.detail
    row.seen_at, row.calm_since, row.ended_at = after.seen_at, after.calm_since, after.ended_at
    session.flush()
    if after.ended_at is not None:
        _let_be(session, row)


def _watched(row: GPUTrouble) -> Watched:
    return Watched(row.kind, row.began_at, row.seen_at, row.calm_since, row.ended_at)  # type: ignore[arg-type]


def _let_be(session: Session, row: GPUTrouble) -> None:
    """Discard what was proposed for a trouble that has passed, and that nobody applied."""
    plan = None if row.plan_id is None else session.get(PlacementPlan, row.plan_id)
    if plan is not None and plan.status == "draft":
        discard_plan(session, plan.id, "the trouble has passed")


def _is_due(session: Session, row: GPUTrouble, now: datetime) -> bool:
    """Whether the card may get a plan: it had none for long, and none waits for somebody who applies it."""
    if row.calm_since is not None:
        return False
    long_ago = now - timedelta(seconds=COOLDOWN_SECONDS)
    of_card = select(GPUTrouble.plan_id).where(GPUTrouble.gpu_id == row.gpu_id, GPUTrouble.plan_id.is_not(None))
    recent = select(PlacementPlan.id).where(
        PlacementPlan.id.in_(of_card), (PlacementPlan.created_at > long_ago) | (PlacementPlan.status == "draft")
    )
    return session.scalars(recent.limit(1)).first() is None


def _relieve(session: Session, fleet: LoadedFleet, row: GPUTrouble, in_trouble: set[int]) -> int | None:
    """A plan that takes agents off the card, applied where a rule says so; None where nobody can leave."""
    moves = relief(fleet, row.gpu_id, _watched(row).kind, in_trouble, _settled(session, fleet.now))
    if not moves:
        return None
    title = f"GPU {row.gpu_id} {TITLES[_watched(row).kind]}"
    plan_id = keep_plan(session, moves, title, [row.detail], cause="balancing")
    rules = [
        rule for rule in fleet.limits.rules if rule.name in fleet.limits.applying and rule.is_about_gpu(row.gpu_id)
    ]
    if rules:
        try:
            with session.begin_nested():
                apply_plan(session, plan_id, f"rule {rules[0].name}: {title}")
        except HeliosError:  # somebody was faster: the plan stays a proposal
            session.expire_all()
    return plan_id


def relief(
    fleet: LoadedFleet, gpu_id: int, kind: Kind, in_trouble: set[int], settled: set[int]
) -> tuple[DraftMove, ...]:
    """The moves that relieve a card: all leave a lost one, as many as have to an over-promised one, one a hot one.

    The least important leave first. `settled`: configurations that balancing moved not long ago.
    """
    trial = fleet.copy()
    ledger = trial.placer.ledger
    for troubled in in_trouble | {gpu_id}:
        trial.placer.update(replace(ledger.cards[ledger.position_of[troubled]].gpu, is_enabled=False))
    card = ledger.cards[ledger.position_of[gpu_id]]
    movable = [
        seat
        for name in card.agents
        if (seat := trial.seats[name]).configuration_id is not None and seat.configuration_id not in settled
    ]
    moves: list[DraftMove] = []
    for seat in sorted(movable, key=lambda seat: (seat.request.priority, -(seat.memory_mib or 0))):
        if _is_relieved(kind, moves, card.promised_mib - card.capacity_mib):
            break
        there, explanation = decide(trial, seat)
        if there:
            moves.append(_move(seat, there, explanation))
    return tuple(moves)


def _is_relieved(kind: Kind, moves: Sequence[DraftMove], over_mib: int) -> bool:
    return {"lost": False, "over_promised": over_mib <= 0}.get(kind, bool(moves))


def _move(seat: Seat, after: tuple[int, ...], explanation: Explanation) -> DraftMove:
    return DraftMove(
        configuration_id=seat.configuration_id,
        agent_id=seat.agent_id,
        agent=seat.name,
        model_name=seat.model_name,
        from_gpu_ids=seat.gpu_ids,
        to_gpu_ids=after,
        memory_mib=seat.memory_mib,
        is_asked=True,
        is_refused=False,
        explanation=explanation,
    )


def _settled(session: Session, now: datetime) -> set[int]:
    """Configurations that balancing moved not long ago, or that wait in one of its proposals."""
    of_balancing = PlacementPlan.cause == "balancing"
    moved = (
        select(PlacementDecision.configuration_id)
        .join(PlacementPlan, PlacementPlan.id == PlacementDecision.plan_id)
        .where(of_balancing, PlacementDecision.decided_at > now - timedelta(seconds=STAY_SECONDS))
    )
    waiting = (
        select(PlacementMove.configuration_id)
        .join(PlacementPlan, PlacementPlan.id == PlacementMove.plan_id)
        .where(of_balancing, PlacementPlan.status == "draft")
    )
    return {key for query in (moved, waiting) for key in session.scalars(query) if key is not None}
