"""The map of placement: every card with who is on it, promised against measured, and who waits for a card.

Memory is in MiB. An agent of another user stays unseen to a member; only sums tell what others hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from helios_core.allocation.ledger import Card, HostAccount, owned_mib
from helios_core.database.session import principal_of
from helios_core.models import GPUResource, GPUTrouble, PlacementQuota
from helios_core.services.fleet import LoadedFleet, load_fleet
from helios_core.services.seats import Seat
from helios_core.services.trials import segments, waiting_seats, waits_for
from helios_core.services.whatif import Segment


@dataclass(frozen=True, slots=True)
class PlacedAgent:
    """One agent that has, or waits for, a card. What was not measured, or is not known, is None."""

    configuration_id: int | None
    """None for a lease, and for what another program was promised."""
    agent_id: str
    name: str
    """What placement calls it: the agent, and whose it is."""
    owner: str | None
    """None: the default of all users."""
    model_name: str | None
    context_tokens: int | None
    priority: int
    gpu_ids: tuple[int, ...]
    """Where it is; several where it is divided, or on several at once."""
    numbers: tuple[int, ...]
    """On how many cards it may be, the preferred number first."""
    promised_mib: int | None
    """Of all its cards together, as what was measured."""
    measured_mib: int | None
    memory_mib: int | None
    """What it takes alone on a card."""
    estimated_mib: int | None
    """What the model takes by the arithmetic, alone on a card."""
    corrected_mib: int | None
    """The same, corrected by what was measured of the model so far."""
    objection: str | None
    """Why no card may have it, whatever is free."""
    holder: str | None
    """Who holds the lease, where it is one."""
    expires_at: datetime | None

    @property
    def drift_mib(self) -> int | None:
        """By how much it takes more than it was promised; negative where it takes less."""
        if self.measured_mib is None or self.promised_mib is None:
            return None
        return self.measured_mib - self.promised_mib


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a card."""

    kind: str
    sentence: str
    began_at: datetime
    plan_id: int | None
    """The plan that it caused."""


@dataclass(frozen=True, slots=True)
class MapCard:
    """One card, with what is promised of it."""

    gpu_id: int
    name: str
    host: str
    is_simulated: bool
    is_enabled: bool
    health: str
    health_message: str | None
    temperature_celsius: float | None
    utilization_percent: float | None
    sampled_at: datetime | None
    total_mib: int
    capacity_mib: int
    """What may be promised: the total without what is kept free."""
    promised_mib: int
    measured_mib: int | None
    free_mib: int
    """Neither promised nor, on a real card, in use; negative where more is promised than there is."""
    segments: tuple[Segment, ...]
    agents: tuple[PlacedAgent, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class HostLoad:
    """What a host has besides cards, and what agents were promised of it; None where its collector does not tell."""

    name: str
    cpu_cores: float | None
    promised_cpu_cores: float | None
    memory_mib: int | None
    promised_memory_mib: int | None


@dataclass(frozen=True, slots=True)
class PlacementMap:
    """All cards and hosts, the agents that wait for a card, and the reader's own quota."""

    cards: tuple[MapCard, ...]
    hosts: tuple[HostLoad, ...]
    waiting: tuple[PlacedAgent, ...]
    """Agents that are on, use a model on our own cards, and have none."""
    rules_in_force: tuple[str, ...]
    """The names of the rules that hold now, the first first."""
    quota_mib: int | None
    used_mib: int
    """What counts against the reader's quota."""
    read_at: datetime


def placement_map(session: Session) -> PlacementMap:
    """The map as the reader may see it."""
    fleet = load_fleet(session, waits_for(session))
    rows = {row.id: row for row in session.scalars(select(GPUResource))}
    troubles = _troubles(session)
    shown = [card for card in fleet.placer.ledger.cards if not _is_retired(rows[card.gpu.gpu_id], card)]
    me = principal_of(session).user_id
    return PlacementMap(
        cards=tuple(_card(fleet, card, rows[card.gpu.gpu_id], troubles.get(card.gpu.gpu_id, ())) for card in shown),
        hosts=tuple(map(_host, fleet.placer.ledger.hosts)),
        waiting=tuple(map(_agent, waiting_seats(fleet))),
        rules_in_force=tuple(rule.name for rule in fleet.limits.rules),
        quota_mib=_quota(session, me),
        used_mib=_used_mib(fleet, me),
        read_at=fleet.now,
    )


def _is_retired(row: GPUResource, card: Card) -> bool:
    """Whether it is a simulated card that real ones replaced, with nobody on it."""
    return row.is_simulated and not row.is_enabled and row.nvml_index is None and not card.agents


def _card(fleet: LoadedFleet, card: Card, row: GPUResource, troubles: tuple[Trouble, ...]) -> MapCard:
    seats = [fleet.seats[name] for name in card.agents]
    return MapCard(
        gpu_id=row.id,
        name=row.name,
        host=row.host,
        is_simulated=row.is_simulated,
        is_enabled=row.is_enabled,
        health=row.health,
        health_message=row.health_message,
        temperature_celsius=row.current_temperature_celsius,
        utilization_percent=row.current_utilization_percent,
        sampled_at=row.sampled_at,
        total_mib=row.total_memory_mb,
        capacity_mib=card.capacity_mib,
        promised_mib=card.promised_mib,
        measured_mib=row.current_memory_used_mb,
        free_mib=card.free_memory_mib,
        segments=segments(fleet, card.position),
        agents=tuple(_agent(seat) for seat in seats if not seat.is_unseen),
        troubles=troubles,
    )


def _host(account: HostAccount) -> HostLoad:
    cpu, memory = account.host.cpu_milli, account.host.memory_mib
    return HostLoad(
        name=account.host.name,
        cpu_cores=None if cpu is None else cpu / 1000,
        promised_cpu_cores=None if cpu is None else (cpu - account.free_cpu_milli) / 1000,
        memory_mib=memory,
        promised_memory_mib=None if memory is None else memory - account.free_memory_mib,
    )


def _agent(seat: Seat) -> PlacedAgent:
    figures = seat.figures
    return PlacedAgent(
        configuration_id=seat.configuration_id,
        agent_id=seat.agent_id,
        name=seat.name,
        owner=seat.owner,
        model_name=seat.model_name,
        context_tokens=seat.context_tokens,
        priority=seat.request.priority,
        gpu_ids=seat.gpu_ids,
        numbers=seat.numbers,
        promised_mib=seat.promised_mib,
        measured_mib=seat.measured_mib,
        memory_mib=seat.memory_mib,
        estimated_mib=None if figures is None else figures.estimated_mib,
        corrected_mib=None if figures is None else figures.corrected_mib,
        objection=seat.objection,
        holder=seat.holder,
        expires_at=seat.expires_at,
    )


def _used_mib(fleet: LoadedFleet, user_id: int | None) -> int:
    """What the user's agents hold, as if they shared weights with nobody."""
    held = (seat for seat in fleet.seats.values() if seat.gpu_ids and seat.owner_id is not None)
    return sum(owned_mib(seat.over(len(seat.gpu_ids))) for seat in held if seat.owner_id == user_id)


def _troubles(session: Session) -> Mapping[int, tuple[Trouble, ...]]:
    rows = session.scalars(select(GPUTrouble).where(GPUTrouble.ended_at.is_(None)).order_by(GPUTrouble.began_at))
    found: dict[int, tuple[Trouble, ...]] = {}
    for row in rows:
        trouble = Trouble(row.kind, row.detail, row.began_at, row.plan_id)
        found[row.gpu_id] = (*found.get(row.gpu_id, ()), trouble)
    return found


def _quota(session: Session, user_id: int | None) -> int | None:
    """The user's own quota, else everybody's; None where nothing limits it."""
    return session.scalar(
        select(PlacementQuota.max_memory_mb)
        .where(or_(PlacementQuota.user_id == user_id, PlacementQuota.user_id.is_(None)))
        .order_by(PlacementQuota.user_id.nulls_last())
        .limit(1)
    )
