"""Allocations one by one: what was promised to whom, what was measured, and how it ended."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import GPUAllocation
from helios_core.views.paging import Cursor, Page


@dataclass(frozen=True, slots=True)
class AllocationFilter:
    """Which allocations to list; None is all. `is_live`: not released."""

    gpu_id: int | None = None
    agent_id: str | None = None
    is_live: bool | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """One promise of a card to an agent. Memory is in MiB; what was not measured is None."""

    id: int
    gpu_id: int
    agent_id: str
    model_name: str | None
    status: str
    allocated_mib: int
    measured_mib: int | None
    compute_percent: float | None
    is_of_default: bool
    """Whether it was promised to the default configuration, for all users."""
    allocated_at: datetime
    released_at: datetime | None
    release_reason: str | None


def list_allocations(
    session: Session, which: AllocationFilter, after: Cursor | None = None, limit: int = 100
) -> Page[Allocation]:
    """The newest allocations that match, in the order in which they were made."""
    conditions = _conditions(which)
    if after is not None:
        conditions.append(GPUAllocation.id < after.id)
    statement = select(GPUAllocation).where(*conditions).order_by(GPUAllocation.id.desc()).limit(limit)
    rows = session.scalars(statement).all()
    older = Cursor(rows[-1].allocated_at, rows[-1].id) if len(rows) == limit else None
    return Page(tuple(map(_allocation, rows)), older)


def find_allocation(session: Session, allocation_id: int) -> Allocation:
    """One allocation, or NotFound."""
    row = session.scalar(select(GPUAllocation).where(GPUAllocation.id == allocation_id))
    if row is None:
        message = f"There is no allocation {allocation_id}."
        raise NotFound(message)
    return _allocation(row)


def _conditions(which: AllocationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.gpu_id is not None:
        conditions.append(GPUAllocation.gpu_id == which.gpu_id)
    if which.agent_id is not None:
        conditions.append(GPUAllocation.agent_id == which.agent_id)
    if which.is_live is not None:
        released = GPUAllocation.released_at
        conditions.append(released.is_(None) if which.is_live else released.is_not(None))
    return conditions


def _allocation(row: GPUAllocation) -> Allocation:
    return Allocation(
        id=row.id,
        gpu_id=row.gpu_id,
        agent_id=row.agent_id,
        model_name=row.model_name,
        status=row.status.value,
        allocated_mib=row.allocated_memory_mb,
        measured_mib=row.current_memory_usage_mb,
        compute_percent=row.compute_percent,
        is_of_default=row.default_configuration_id is not None,
        allocated_at=row.allocated_at,
        released_at=row.released_at,
        release_reason=row.release_reason,
    )
