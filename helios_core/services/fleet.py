"""The fleet as placement sees it: cards, promises, rules in force, constraints and quotas, read from the tables.

Everybody's promises count, though a member does not see them: what leaves this module towards members are sums.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.ledger import Promise
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import Placer
from helios_core.database.session import principal_of
from helios_core.models import GPUResource, PlacementQuota
from helios_core.services.everybody import everybodys_rows
from helios_core.services.limits import Limits, limits_in_force
from helios_core.services.memory import MemoryBook
from helios_core.services.seats import Seat, capability_of, seated, seats_of, unseated

FLEET_LOCK = 0x666C656574
"""The advisory lock on the right to promise anything of any card."""


@dataclass(slots=True)
class LoadedFleet:
    """The cards with what is promised of them, as one transaction saw it."""

    placer: Placer
    limits: Limits
    book: MemoryBook
    seats: dict[str, Seat]
    """By name: all who have a place, and the configurations that were asked for."""
    names: Mapping[int, str]
    """What each card is called."""
    now: datetime

    def of_configuration(self, configuration_id: int) -> Seat | None:
        """The seat of the agent with this configuration."""
        return next((seat for seat in self.seats.values() if seat.configuration_id == configuration_id), None)

    def copy(self) -> "LoadedFleet":
        """The same, to try things on."""
        return LoadedFleet(self.placer.copy(), self.limits, self.book, dict(self.seats), self.names, self.now)


def lock_fleet(session: Session) -> None:
    """Let nobody else promise anything before this transaction ends.

    One lock for all cards: rules, quotas and affinities look across cards, so that two decisions at once could each be
    right and both together wrong. Not the cards' rows, which the collector writes every second. Who needs the locks on
    agents, too, takes them before.
    """
    session.execute(select(func.pg_advisory_xact_lock(FLEET_LOCK)))


def load_fleet(session: Session, configurations: ColumnElement[bool] | None = None) -> LoadedFleet:
    """The fleet as it is now, with the seats of the configurations that match besides those that have a place."""
    with everybodys_rows(session):
        now: datetime = session.scalars(select(func.clock_timestamp())).one()
        limits, book = limits_in_force(session, now), MemoryBook.load(session)
        cards = session.execute(CARDS).all()
        rows = list(session.execute(seated()))
        if configurations is not None:
            seen = {row.configuration_id for row in rows}
            rows += [row for row in session.execute(unseated(configurations)) if row.configuration_id not in seen]
        quotas = {row.user_id: row.max_memory_mb for row in session.scalars(select(PlacementQuota))}
    principal = principal_of(session)
    seats = seats_of(rows, limits, book, sees_all=principal.sees_all, me=principal.user_id)
    placer = _placer([gpu_of(card) for card in cards], limits, seats.values(), quotas)
    return LoadedFleet(placer, limits, book, seats, {card.id: card.name for card in cards}, now)


CARDS = select(
    *(
        GPUResource.__table__.c[name]
        for name in (
            "id",
            "host",
            "name",
            "is_simulated",
            "is_enabled",
            "total_memory_mb",
            "reserved_memory_mb",
            "current_memory_used_mb",
            "compute_capability",
            "health",
            "max_concurrent_agents",
            "current_temperature_celsius",
            "current_utilization_percent",
        )
    )
).order_by(GPUResource.__table__.c.id)


def gpu_of(row: Row[*tuple[Any, ...]]) -> Gpu:
    """A card of the inventory. What a simulated card shows in use is in nobody's way."""
    return Gpu(
        gpu_id=row.id,
        host=row.host,
        total_memory_mib=row.total_memory_mb,
        reserved_memory_mib=row.reserved_memory_mb or 0,
        measured_memory_mib=None if row.is_simulated else row.current_memory_used_mb,
        gpu_type=row.name,
        capability=capability_of(row.compute_capability),
        health=row.health,
        is_enabled=row.is_enabled,
        max_agents=row.max_concurrent_agents,
        temperature_celsius=row.current_temperature_celsius,
        utilization_percent=row.current_utilization_percent,
    )


def _placer(gpus: list[Gpu], limits: Limits, seats: Iterable[Seat], quotas: dict[int | None, int]) -> Placer:
    """The engine on these cards. What is there already is what is likely to be asked for again."""
    seats = list(seats)
    everybodys = quotas.pop(None, None)
    if everybodys is not None:
        for seat in seats:
            if seat.owner_id is not None:
                quotas.setdefault(seat.owner_id, everybodys)
    mix = Mix.given(Counter(seat.request.kind for seat in seats if seat.memory_mib))
    placer = Placer(Fleet.of(gpus), limits.rules, mix, quotas)
    for seat in seats:
        if seat.gpu_id is not None:
            position = placer.ledger.position_of[seat.gpu_id]
            host = placer.ledger.cards[position].host.position
            placer.ledger.restore(Promise(seat.request, seat.request.kind.shapes[0], host, (position,)))
    return placer
