"""What placement reads of its agents: the configurations and allocations of which seats are made."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal_column, null, select
from sqlalchemy.orm import InstrumentedAttribute

from helios_core.models import AgentConfiguration, AgentProfile, GPUAllocation, PlacementLease, User

CONFIGURATIONS, ALLOCATIONS = AgentConfiguration.__table__, GPUAllocation.__table__
LEASES, USERS, PROFILES = PlacementLease.__table__, User.__table__, AgentProfile.__table__

CONFIGURED = (
    CONFIGURATIONS.c.id.label("configuration_id"),
    CONFIGURATIONS.c.user_id.label("owner_id"),
    CONFIGURATIONS.c.version,
    CONFIGURATIONS.c.model_provider,
    CONFIGURATIONS.c.assigned_llm,
    CONFIGURATIONS.c.context_tokens,
    CONFIGURATIONS.c.allocated_memory_mb.label("configured_mib"),
    CONFIGURATIONS.c.priority,
    CONFIGURATIONS.c.constraints["placement"].label("wishes"),
    CONFIGURATIONS.c.is_enabled,
    USERS.c.username,
    PROFILES.c.display_name,
)


@cache
def seated() -> Select[*tuple[Any, ...]]:
    """Every live allocation, the oldest first, with its configuration."""
    # Tables and not models: a member's session adds its own user to each query of a model.
    allocations, configurations = ALLOCATIONS.c, CONFIGURATIONS.c
    configuration_id = func.coalesce(allocations.configuration_id, allocations.default_configuration_id)
    owner_id = case((configurations.id.is_(None), allocations.user_id), else_=configurations.user_id)
    return (
        select(
            allocations.id.label("allocation_id"),
            allocations.gpu_id,
            allocations.user_id.label("holder_id"),
            allocations.agent_id,
            allocations.allocated_memory_mb.label("promised_mib"),
            allocations.current_memory_usage_mb.label("measured_mib"),
            allocations.compute_percent,
            allocations.model_name,
            LEASES.c.holder,
            LEASES.c.expires_at,
            *CONFIGURED,
        )
        .select_from(
            ALLOCATIONS.join(CONFIGURATIONS, configurations.id == configuration_id, isouter=True)
            .join(USERS, USERS.c.id == owner_id, isouter=True)
            .join(PROFILES, describes(allocations.agent_id), isouter=True)
            .join(LEASES, LEASES.c.allocation_id == allocations.id, isouter=True)
        )
        .where(allocations.released_at.is_(None))
        .order_by(allocations.id)
    )


AGENT_KEY: ColumnElement[int] = func.coalesce(CONFIGURATIONS.c.id, -ALLOCATIONS.c.id)
"""What tells one agent of `seated` from all others: its configuration, or below 0 a lease's allocation."""


def versions_of_seats() -> Select[tuple[str | None]]:
    """One text: for every row of `seated` its agent's key, and which version it has of each row that it is made of."""
    tables = (GPUAllocation, AgentConfiguration, User, AgentProfile, PlacementLease)
    parts: list[ColumnElement[str]] = [
        literal_column(f"{table.__tablename__}.{part}") for table in tables for part in ("xmin", "ctid")
    ]
    line = func.concat_ws(" ", AGENT_KEY, ALLOCATIONS.c.id, *parts)
    return seated().with_only_columns(func.string_agg(line, ";"), maintain_column_froms=True).order_by(None)


def unseated(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The configurations that match, as those without an allocation."""
    nothing = (
        "allocation_id",
        "gpu_id",
        "holder_id",
        "promised_mib",
        "measured_mib",
        "compute_percent",
        "holder",
        "expires_at",
    )
    return (
        select(CONFIGURATIONS.c.agent_id, *CONFIGURED, *(null().label(name) for name in nothing))
        .select_from(
            CONFIGURATIONS.join(USERS, USERS.c.id == CONFIGURATIONS.c.user_id, isouter=True).join(
                PROFILES, describes(CONFIGURATIONS.c.agent_id), isouter=True
            )
        )
        .where(which)
        .order_by(CONFIGURATIONS.c.id)
    )


def describes(agent_id: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The profile that tells all what the agent is called."""
    return and_(PROFILES.c.agent_id == agent_id, PROFILES.c.user_id.is_(None))
