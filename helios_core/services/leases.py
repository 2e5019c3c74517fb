"""Leases: memory of a card for as long as its holder says that it lives. Who falls silent loses it.

For work that has no configuration: an experiment, a batch, another program. Leases obey rules, quotas and each other
like agents do, and are never moved. Times are the database's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from helios_core.allocation.requests import Kind, Request
from helios_core.database.refusals import refusals
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotFound, Refused
from helios_core.models import GPUAllocation, PlacementDecision, PlacementLease
from helios_core.services.audit import recorded
from helios_core.services.explanations import Explanation
from helios_core.services.kept_fleet import fleet_beside
from helios_core.services.permissions import Action, require
from helios_core.services.placement import decide
from helios_core.services.seats import Seat

LONGEST_SECONDS = 86_400
HOLDER_DIED = "its holder fell silent"


@dataclass(frozen=True, slots=True)
class Lease:
    """What was leased, until when unless it is renewed. Memory in MiB."""

    allocation_id: int
    agent_id: str
    gpu_id: int
    memory_mib: int
    holder: str
    lease_seconds: int
    expires_at: datetime


def take_lease(
    session: Session,
    agent_id: str,
    memory_mib: int,
    holder: str,
    lease_seconds: int,
    *,
    model_name: str | None = None,
    gpu_id: int | None = None,
) -> Lease:
    """Promise so much memory of this card, or of whichever is best, for so long. Refused where no card has it."""
    require(session, Action.TAKE_LEASES)
    _check(agent_id, memory_mib, holder, lease_seconds)
    me = principal_of(session)
    seat = _seat(agent_id, memory_mib, model_name, me.user_id)
    with fleet_beside(session, seat) as fleet:
        chosen, explanation = decide(fleet, seat, () if gpu_id is None else (gpu_id,), sees_all=me.sees_all)
    if not chosen:
        message = f"No card has {memory_mib:,} MiB for {agent_id}. {explanation.refusal}"
        raise Refused(message)
    allocation = GPUAllocation(
        gpu_id=chosen[0], agent_id=agent_id, model_name=model_name, allocated_memory_mb=memory_mib, user_id=me.user_id
    )
    with refusals(session), recorded(session, "leased", allocation, holder):
        pass
    lease = PlacementLease(
        allocation_id=allocation.id,
        holder=holder,
        lease_seconds=lease_seconds,
        expires_at=func.clock_timestamp() + timedelta(seconds=lease_seconds),
    )
    session.add(lease)
    _keep_decision(session, allocation, before=None, after=chosen[0], explanation=explanation)
    session.refresh(lease)
    return _lease(lease, allocation)


def renew_lease(session: Session, allocation_id: int, holder: str | None) -> Lease:
    """Say that the holder lives. Refused where the lease has ended: what it was for is no longer promised."""
    require(session, Action.TAKE_LEASES)
    lease, allocation = _held(session, allocation_id, holder)
    lease.renewed_at = func.clock_timestamp()
    lease.expires_at = func.clock_timestamp() + timedelta(seconds=lease.lease_seconds)
    session.flush()
    session.refresh(lease)
    return _lease(lease, allocation)


def end_lease(session: Session, allocation_id: int, holder: str | None) -> None:
    """Give the memory back."""
    require(session, Action.TAKE_LEASES)
    lease, allocation = _held(session, allocation_id, holder)
    _end(session, lease, allocation, "the lease was given back")


def reap_leases(session: Session) -> int:
    """End every lease whose holder has been silent for too long; how many. For a process of Helios itself."""
    expired = (
        select(PlacementLease, GPUAllocation)
        .join(GPUAllocation, GPUAllocation.id == PlacementLease.allocation_id)
        .where(PlacementLease.expires_at <= func.clock_timestamp())
        .order_by(PlacementLease.allocation_id)
        .with_for_update(skip_locked=True)
    )
    found = session.execute(expired).all()
    for lease, allocation in found:
        _end(session, lease, allocation, HOLDER_DIED)
    return len(found)


def _held(session: Session, allocation_id: int, holder: str | None) -> tuple[PlacementLease, GPUAllocation]:
    found = session.execute(
        select(PlacementLease, GPUAllocation)
        .join(GPUAllocation, GPUAllocation.id == PlacementLease.allocation_id)
        .where(PlacementLease.allocation_id == allocation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        message = f"There is no lease {allocation_id}; one ends when its holder falls silent. Take a new one."
        raise NotFound(message)
    lease, allocation = found
    if lease.holder != holder:
        message = f"Lease {allocation_id} has another holder; only that one renews or ends it."
        raise Refused(message)
    return lease, allocation


def _end(session: Session, lease: PlacementLease, allocation: GPUAllocation, reason: str) -> None:
    if allocation.released_at is None:
        with recorded(session, "released", allocation, reason, by_helios=reason == HOLDER_DIED):
            allocation.released_at = func.now()
            allocation.release_reason = reason
        _keep_decision(
            session, allocation, before=allocation.gpu_id, after=None, explanation=Explanation(), reason=reason
        )
    session.delete(lease)
    session.flush()


def _keep_decision(
    session: Session,
    allocation: GPUAllocation,
    *,
    before: int | None,
    after: int | None,
    explanation: Explanation,
    reason: str | None = None,
) -> None:
    me = principal_of(session).user_id
    session.add(
        PlacementDecision(
            user_id=allocation.user_id,
            actor_id=null() if me is None else me,
            agent_id=allocation.agent_id,
            model_name=allocation.model_name,
            outcome="released" if after is None else "placed",
            cause="lease",
            from_gpu_id=before,
            to_gpu_id=after,
            memory_mb=None if after is None else allocation.allocated_memory_mb,
            reason=reason,
            explanation=explanation.as_json(),
        )
    )
    session.flush()


def _seat(agent_id: str, memory_mib: int, model_name: str | None, owner_id: int | None) -> Seat:
    kind = Kind(memory_mib=memory_mib, model=model_name, terms=agent_id)
    return Seat(
        request=Request(f"a lease for {agent_id}", kind, owner=owner_id, role=agent_id),
        agent_id=agent_id,
        configuration_id=None,
        version=None,
        owner_id=owner_id,
        owner=None,
        model_name=model_name,
        context_tokens=None,
        memory_mib=memory_mib,
        figures=None,
        objection=None,
        is_enabled=True,
        title=agent_id,
    )


def _lease(lease: PlacementLease, allocation: GPUAllocation) -> Lease:
    return Lease(
        allocation_id=lease.allocation_id,
        agent_id=allocation.agent_id,
        gpu_id=allocation.gpu_id,
        memory_mib=allocation.allocated_memory_mb,
        holder=lease.holder,
        lease_seconds=lease.lease_seconds,
        expires_at=lease.expires_at,
    )


def _check(agent_id: str, memory_mib: int, holder: str, lease_seconds: int) -> None:
    wrong = {}
    if not agent_id.strip() or len(agent_id) > 63 or "\0" in agent_id:
        wrong["agent_id"] = "Name what the lease is for, in at most 63 characters."
    if not 1 <= memory_mib <= 2**31 - 1:
        wrong["memory_mib"] = "Memory is whole MiB from 1."
    if not holder.strip() or len(holder) > 200 or "\0" in holder:
        wrong["holder"] = "Name the process that holds the lease, in at most 200 characters."
    if not 1 <= lease_seconds <= LONGEST_SECONDS:
        wrong["lease_seconds"] = f"A lease lasts 1 to {LONGEST_SECONDS:,} whole seconds unless it is renewed."
    if wrong:
        raise InvalidInput(wrong)
