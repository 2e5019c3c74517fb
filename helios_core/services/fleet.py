"""The fleet as placement sees it: cards, promises, rules in force, constraints and quotas, read from the tables.

Everybody's promises count, though a member does not see them: what leaves this module towards members are sums.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.ledger import Promise
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import Placer
from helios_core.allocation.refusals import Question, Reason, room, standing_checks
from helios_core.allocation.requests import Kind, Request, Shape
from helios_core.database.session import principal_of
from helios_core.models import Collector, GPUResource, PlacementQuota
from helios_core.services.everybody import everybodys_rows
from helios_core.services.explanations import OF_OTHERS, SOMETHING_THERE
from helios_core.services.limits import Limits, limits_in_force
from helios_core.services.memory import MemoryBook
from helios_core.services.seat_rows import seated, unseated
from helios_core.services.seats import Seat, capability_of, seats_of

READINGS = {Reason.HEALTH, Reason.TEMPERATURE, Reason.UTILIZATION}
"""What lets nothing new in, and lets stay who is there."""
MOST_KINDS = 64
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
    sees_all: bool
    """Whether the reader may learn which agents of others are on a card."""

    def of_configuration(self, configuration_id: int) -> Seat | None:
        """The seat of the agent with this configuration."""
        return next((seat for seat in self.seats.values() if seat.configuration_id == configuration_id), None)

    def copy(self, more: Sequence[Gpu] = ()) -> "LoadedFleet":
        """The same, to try things on, with `more` cards."""
        placer = self.placer
        if more:
            cards = [*placer.ledger.gpus, *more]
            hosts = [account.host for account in placer.ledger.hosts]
            larger = Placer(Fleet.of(cards, hosts), placer.policy.rules, placer.mix, placer.policy.quotas_mib)
            for promise in placer.ledger.promises.values():
                larger.restore(promise)
            placer = larger
        names = {**self.names, **{gpu.gpu_id: gpu.gpu_type for gpu in more}}
        return LoadedFleet(placer.copy(), self.limits, self.book, dict(self.seats), names, self.now, self.sees_all)


def lock_fleet(session: Session) -> None:
    """Let nobody else promise anything before this transaction ends.

    One lock for all cards: rules, quotas and affinities look across cards, so that two decisions at once could each be
    right and both together wrong. Not the cards' rows, which the collector writes every second. Who needs the locks on
    agents, too, takes them before.
    """
    session.execute(select(func.pg_advisory_xact_lock(FLEET_LOCK)))


def load_fleet(
    session: Session, configurations: ColumnElement[bool] | None = None, limits: Limits | None = None
) -> LoadedFleet:
    """The fleet as it is now, with the seats of the configurations that match besides those that have a place.

    `limits`: in the place of those that are in force.
    """
    with everybodys_rows(session):
        now: datetime = session.scalars(select(func.clock_timestamp())).one()
        limits, book = limits or limits_in_force(session, now), MemoryBook.load(session)
        cards = session.execute(CARDS).all()
        rows = list(session.execute(seated()).all())
        if configurations is not None:
            seen = {row.configuration_id for row in rows}
            rows += [row for row in session.execute(unseated(configurations)) if row.configuration_id not in seen]
        quotas = {row.user_id: row.max_memory_mb for row in session.scalars(select(PlacementQuota))}
    principal = principal_of(session)
    seats = seats_of(rows, limits, book, sees_all=principal.sees_all, me=principal.user_id)
    ours = _in_use(seats.values())
    inventory = Fleet.of([gpu_of(card, ours.get(card.id, 0)) for card in cards], _hosts(cards))
    placer = _placer(inventory, limits, seats.values(), quotas)
    names = {card.id: card.name for card in cards}
    return LoadedFleet(placer, limits, book, seats, names, now, principal.sees_all)


CARDS = (
    select(
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
        ),
        Collector.__table__.c.host_cpu_cores,
        Collector.__table__.c.host_memory_mb,
    )
    .select_from(
        GPUResource.__table__.outerjoin(Collector.__table__, Collector.__table__.c.host == GPUResource.__table__.c.host)
    )
    .order_by(GPUResource.__table__.c.id)
)


def _hosts(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Host]:
    """The hosts of these cards, with what their collectors tell of them."""
    found = {row.host: (row.host_cpu_cores, row.host_memory_mb) for row in rows}
    return [Host(name, None if cores is None else 1000 * cores, mib) for name, (cores, mib) in found.items()]


def gpu_of(row: Row[*tuple[Any, ...]], ours_mib: int) -> Gpu:
    """A card of the inventory. What others than our agents use of a real one is kept free for them.

    `ours_mib`: what our agents use of it. What a simulated card shows in use is in nobody's way.
    """
    foreign_mib = 0 if row.is_simulated else max((row.current_memory_used_mb or 0) - ours_mib, 0)
    return Gpu(
        gpu_id=row.id,
        host=row.host,
        total_memory_mib=row.total_memory_mb,
        reserved_memory_mib=max(row.reserved_memory_mb or 0, foreign_mib),
        gpu_type=row.name,
        capability=capability_of(row.compute_capability),
        health=row.health,
        is_enabled=row.is_enabled,
        max_agents=row.max_concurrent_agents,
        temperature_celsius=row.current_temperature_celsius,
        utilization_percent=row.current_utilization_percent,
    )


def objection_to_all(
    fleet: LoadedFleet, seat: Seat, gpu_ids: Sequence[int], stays_on: Collection[int | None] = ()
) -> tuple[int, str] | None:
    """The first of these cards that does not take its part of the agent, and why not; None: all do."""
    hosts = {fleet.placer.ledger.cards[fleet.placer.ledger.position_of[gpu_id]].host for gpu_id in gpu_ids}
    if len(hosts) > 1:
        return gpu_ids[0], "its cards have to be on one host"
    found = (
        (gpu_id, objection_to(fleet, seat, gpu_id, on_cards=len(gpu_ids), stays=gpu_id in stays_on))
        for gpu_id in gpu_ids
    )
    return next(((gpu_id, cause) for gpu_id, cause in found if cause is not None), None)


def objection_to(fleet: LoadedFleet, seat: Seat, gpu_id: int, *, on_cards: int = 1, stays: bool = False) -> str | None:
    """What keeps the agent off this card, one of so many that it is to be on, beside all others; None: nothing does.

    `stays`: it is there already, and readings that let nothing new in do not send it away.
    """
    objection = seat.objection or seat.number_objection(on_cards)
    if objection is not None:
        return objection
    ledger, request = fleet.placer.ledger, seat.request
    held = fleet.placer.release(seat.name) if seat.name in ledger.promises else None
    rules = fleet.placer.policy.rules_about(request)
    question = Question(ledger, request, seat.over(on_cards), rules)
    card = ledger.cards[ledger.position_of[gpu_id]]
    found = [check(question, card) for check in (*standing_checks(request, rules, ledger), room)]
    is_over = not fleet.placer.policy.is_within_quota(request, question.shape)
    if held is not None:
        fleet.placer.restore(held)
    told = [
        cause if fleet.sees_all or reason not in OF_OTHERS else SOMETHING_THERE
        for reason, cause in filter(None, found)
        if not (stays and reason in READINGS)
    ]
    return next(iter(told), None) or ("its owner's quota leaves less than it needs" if is_over else None)


def _mix(seats: Iterable[Seat]) -> Counter[Kind]:
    """How often each kind is there; where there are many, those that differ only in whose they are count as one."""
    kinds = Counter(seat.request.kind for seat in seats if seat.memory_mib)
    if len(kinds) <= MOST_KINDS:
        return kinds
    merged: Counter[Kind] = Counter()
    for kind, count in kinds.items():
        merged[_anybodys(kind)] += count
    return merged


@lru_cache(maxsize=4096)
def _anybodys(kind: Kind) -> Kind:
    return replace(kind, terms="")


def _in_use(seats: Iterable[Seat]) -> dict[int, int]:
    """What our agents use of each card: as measured, else as promised."""
    used: dict[int, int] = {}
    for seat in seats:
        for gpu_id, _, promised, measured in seat.holdings:
            used[gpu_id] = used.get(gpu_id, 0) + (promised if measured is None else measured)
    return used


def _placer(inventory: Fleet, limits: Limits, seats: Iterable[Seat], quotas: dict[int | None, int]) -> Placer:
    """The engine on these cards. What is there already is what is likely to be asked for again."""
    seats = list(seats)
    everybodys = quotas.pop(None, None)
    if everybodys is not None:
        for seat in seats:
            if seat.owner_id is not None:
                quotas.setdefault(seat.owner_id, everybodys)
    mix = Mix.given(_mix(seats))
    placer = Placer(inventory, limits.rules, mix, quotas)
    for seat in seats:
        if seat.holdings:
            cards = tuple(placer.ledger.position_of[gpu_id] for gpu_id in seat.gpu_ids)
            host = placer.ledger.cards[cards[0]].host.position
            placer.ledger.restore(Promise(*_as_held(seat), host, cards))
    return placer


def _as_held(seat: Seat) -> tuple[Request, Shape]:
    """Its request and shape on as many cards as it has, though it might not be let onto so many any more."""
    request, cards = seat.request, len(seat.holdings)
    if cards not in seat.numbers:
        request = replace(request, kind=request.kind.over(cards))
    return request, seat.over(cards)
