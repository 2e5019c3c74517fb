"""Constraints of models as their list and form show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import ResourceConstraint


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one model needs of a card; what it does not ask for is None. Memory is in MiB."""

    id: int
    model_provider: str
    model_name: str
    min_memory_mb: int | None
    recommended_memory_mb: int | None
    min_compute_capability: str | None
    max_agents_per_gpu: int | None
    max_context_tokens: int | None
    is_exclusive: bool
    allows_split: bool
    requirements: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


def list_constraints(session: Session) -> tuple[Constraint, ...]:
    """Every constraint, by model."""
    order = (ResourceConstraint.model_name, ResourceConstraint.model_provider)
    return tuple(map(_constraint, session.scalars(select(ResourceConstraint).order_by(*order))))


def find_constraint(session: Session, constraint_id: int) -> Constraint:
    """One constraint, or NotFound."""
    row = session.scalar(select(ResourceConstraint).where(ResourceConstraint.id == constraint_id))
    if row is None:
        message = f"There is no constraint {constraint_id}."
        raise NotFound(message)
    return _constraint(row)


def _constraint(row: ResourceConstraint) -> Constraint:
    return Constraint(
        id=row.id,
        model_provider=row.model_provider.value,
        model_name=row.model_name,
        min_memory_mb=row.min_memory_mb,
        recommended_memory_mb=row.recommended_memory_mb,
        min_compute_capability=row.min_compute_capability,
        max_agents_per_gpu=row.max_agents_per_gpu,
        max_context_tokens=row.max_context_tokens,
        is_exclusive=row.is_exclusive,
        allows_split=row.allows_split,
        requirements=row.requirements,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
