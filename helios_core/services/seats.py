"""Seats: agents as placement sees them, made of the rows of configurations and allocations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, null, select

from helios_core.allocation.requests import Kind, Request
from helios_core.models import AgentConfiguration, GPUAllocation, ModelProvider, PlacementLease, User
from helios_core.services.limits import Limits, ModelLimits
from helios_core.services.memory import MemoryBook, MemoryFigures
from helios_core.services.wishes import NO_WISHES, stored_wishes

CONFIGURATIONS, ALLOCATIONS = AgentConfiguration.__table__, GPUAllocation.__table__
LEASES, USERS = PlacementLease.__table__, User.__table__


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent as placement sees it: what it asks for, and what it has. Memory in MiB."""

    request: Request
    agent_id: str
    configuration_id: int | None
    """None for a lease, and for what another program was promised."""
    version: int | None
    owner_id: int | None
    """None: the default of all users."""
    owner: str | None
    model_name: str | None
    context_tokens: int | None
    memory_mib: int | None
    """What it takes alone on a card; None where nobody knows."""
    figures: MemoryFigures | None
    objection: str | None
    """Why no card may have it, whatever is free."""
    is_enabled: bool
    gpu_id: int | None = None
    """Where it is."""
    allocation_id: int | None = None
    promised_mib: int | None = None
    measured_mib: int | None = None
    answers_id: int | None = None
    """The user who answers for what is promised: of a default, the operator who placed it."""
    holder: str | None = None
    expires_at: datetime | None = None
    is_unseen: bool = False
    """Whether it is another user's, of whom the reader may learn nothing but sums."""

    @property
    def name(self) -> str:
        """What placement calls it: unlike any other agent."""
        return self.request.agent

    def fixed_to(self, gpu_id: int | None) -> Request:
        """Its request for this card and no other; None: for any."""
        return replace(self.request, fixed_gpus=() if gpu_id is None else (gpu_id,))


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
)


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
            .join(LEASES, LEASES.c.allocation_id == allocations.id, isouter=True)
        )
        .where(allocations.released_at.is_(None))
        .order_by(allocations.id)
    )


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
        .select_from(CONFIGURATIONS.join(USERS, USERS.c.id == CONFIGURATIONS.c.user_id, isouter=True))
        .where(which)
        .order_by(CONFIGURATIONS.c.id)
    )


def seats_of(
    rows: Iterable[Row[*tuple[Any, ...]]], limits: Limits, book: MemoryBook, *, sees_all: bool, me: int | None
) -> dict[str, Seat]:
    """The seats by their names. Those of other users have none that tells anything, unless the reader sees all."""
    seats: dict[str, Seat] = {}
    for row in rows:
        is_lease = row.configuration_id is None
        owner_id = row.holder_id if is_lease else row.owner_id
        is_unseen = not sees_all and owner_id not in {None, me}
        if not is_unseen:
            name = row.agent_id if owner_id is None else f"{row.agent_id} of {row.username}"
            name = f"{name}, lease {row.allocation_id}" if is_lease else name
            name = name if name not in seats else f"{name}, allocation {row.allocation_id}"
        else:
            name = f"another user's agent, {row.allocation_id or row.configuration_id}"
        seat = _leased(row, name) if is_lease else _seat(row, name, limits, book)
        seats[name] = replace(seat, is_unseen=True) if is_unseen else seat
    return seats


def newcomer(
    name: str,
    *,
    owner_id: int | None,
    model_provider: ModelProvider,
    model_name: str,
    context_tokens: int | None,
    memory_mib: int | None,
    priority: int,
    wishes: Mapping[str, Any] | None,
    limits: Limits,
    book: MemoryBook,
) -> Seat:
    """An agent that is not there yet; rules call it by its name."""
    nothing = ("configuration_id", "version", "username", "gpu_id", "allocation_id", "promised_mib", "measured_mib",
               "holder_id")  # fmt: skip
    row = SimpleNamespace(
        **dict.fromkeys(nothing),
        agent_id=name,
        owner_id=owner_id,
        model_provider=model_provider,
        assigned_llm=model_name,
        context_tokens=context_tokens,
        configured_mib=memory_mib,
        priority=priority,
        wishes=wishes,
        is_enabled=True,
    )
    return _seat(row, name, limits, book)


def _leased(row: Row[*tuple[Any, ...]], name: str) -> Seat:
    """What was promised without a configuration; it shares its weights with nobody."""
    kind = Kind(
        memory_mib=row.promised_mib,
        compute_milli=round(10 * (row.compute_percent or 0)),
        model=row.model_name,
        terms=name,
    )
    return Seat(
        request=Request(name, kind, owner=row.holder_id, role=row.agent_id, fixed_gpus=(row.gpu_id,)),
        agent_id=row.agent_id,
        configuration_id=None,
        version=None,
        owner_id=row.holder_id,
        owner=row.username,
        model_name=row.model_name,
        context_tokens=None,
        memory_mib=row.promised_mib,
        figures=None,
        objection=None,
        is_enabled=True,
        gpu_id=row.gpu_id,
        allocation_id=row.allocation_id,
        promised_mib=row.promised_mib,
        measured_mib=row.measured_mib,
        answers_id=row.holder_id,
        holder=row.holder,
        expires_at=row.expires_at,
    )


def _seat(row: Any, name: str, limits: Limits, book: MemoryBook) -> Seat:  # noqa: ANN401
    """The seat of a configuration's row. Most rows are as they were when they were read last."""
    figures = book.figures(ModelProvider(row.model_provider), row.assigned_llm, row.context_tokens)
    asked = limits.of_model(ModelProvider(row.model_provider).value, row.assigned_llm)
    is_comparable = isinstance(row, Row) and row.wishes is None
    return (_configured if is_comparable else _configured.__wrapped__)(row, name, asked, figures)


@lru_cache(maxsize=2**16)
def _configured(row: Any, name: str, constraint: ModelLimits | None, figures: MemoryFigures | None) -> Seat:  # noqa: ANN401
    memory = row.configured_mib
    if memory is None:
        memory = figures.reservation_mib if figures is not None else row.promised_mib
    if memory is None:
        objection: str | None = f"how much memory {row.assigned_llm} takes is not known; say how much to promise"
    else:
        objection = None if constraint is None else constraint.objection(memory, row.context_tokens)
    wishes = NO_WISHES if row.wishes is None else stored_wishes(row.wishes)
    shared = min(figures.shared_mib, memory) if figures is not None and memory is not None else 0
    kind = _kind(
        memory_mib=(memory or 0) - shared,
        weights_mib=shared,
        compute_milli=round(10 * wishes.compute_percent),
        model=row.assigned_llm,
        terms=f"{row.owner_id}/{row.context_tokens}",
        gpu_types=frozenset(wishes.gpu_types),
        min_capability=(0, 0) if constraint is None else capability_of(constraint.min_compute_capability),
        max_agents_per_gpu=None if constraint is None else constraint.max_agents_per_gpu,
        is_exclusive=constraint is not None and constraint.is_exclusive,
    )
    request = Request(
        name,
        kind,
        priority=row.priority,
        owner=row.owner_id,
        preferred_gpu=wishes.preferred_gpu,
        affinity=_group(wishes.affinity, row.username),
        anti_affinity=_group(wishes.anti_affinity, row.username),
        role=row.agent_id,
    )
    return Seat(
        request=request,
        agent_id=row.agent_id,
        configuration_id=row.configuration_id,
        version=row.version,
        owner_id=row.owner_id,
        owner=row.username,
        model_name=row.assigned_llm,
        context_tokens=row.context_tokens,
        memory_mib=memory,
        figures=figures,
        objection=objection,
        is_enabled=row.is_enabled,
        gpu_id=row.gpu_id,
        allocation_id=row.allocation_id,
        promised_mib=row.promised_mib,
        measured_mib=row.measured_mib,
        answers_id=row.holder_id,
    )


@lru_cache(maxsize=4096)
def _kind(**asked: Any) -> Kind:  # noqa: ANN401 (the fields of a kind)
    """The kind with these fields, made once: engines compare them often."""
    return Kind(**asked)


def _group(name: str | None, username: str | None) -> str | None:
    """A group of agents: everybody's names are their own."""
    return None if name is None else name if username is None else f"{name} of {username}"


@lru_cache(maxsize=256)
def capability_of(text: str | None) -> tuple[int, int]:
    """A compute capability such as "8.6"; (0, 0) where there is none, or it is not known."""
    major, _, minor = (text or "").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
