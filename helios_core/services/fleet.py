"""The fleet as placement sees it: cards, promises, rules in force, constraints and quotas, read from the tables.

Everybody's promises count, though a member does not see them: what leaves this module towards members are sums.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, func, select, text
from sqlalchemy.orm import Session

from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.ledger import Promise
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import Placer
from helios_core.allocation.refusals import Question, Reason, room, standing_checks
from helios_core.allocation.requests import Kind
from helios_core.database.session import Principal, principal_of
from helios_core.models import Collector, GPUResource, PlacementQuota
from helios_core.services.everybody import everybodys_rows
from helios_core.services.explanations import OF_OTHERS, SOMETHING_THERE
from helios_core.services.limits import Limits, StoredLimits
from helios_core.services.memory import MemoryBook
from helios_core.services.seat_rows import seated, unseated
from helios_core.services.seats import Seat, capability_of, seats_of

READINGS = {Reason.HEALTH, Reason.TEMPERATURE, Reason.UTILIZATION}
"""What lets nothing new in, and lets stay who is there."""
MOST_KINDS = 64
FLEET_LOCK = 0x666C656574
"""The advisory lock on the right to promise anything of any card."""
LOCK = text("SELECT pg_advisory_xact_lock(:fleet)")


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
    whole = session.get_transaction()
    if whole is None or session.info.get(FLEET_LOCK) is not whole:
        session.execute(LOCK, {"fleet": FLEET_LOCK})
        # What is locked in a savepoint is free again when that is undone.
        session.info[FLEET_LOCK] = None if session.in_nested_transaction() else session.get_transaction()


def load_fleet(
    session: Session, configurations: ColumnElement[bool] | None = None, limits: Limits | None = None
) -> LoadedFleet:
    """The fleet as it is now, with the seats of the configurations that match besides those that have a place.

    `limits`: in the place of those that are in force.
    """
    with everybodys_rows(session):
        rows = read_fleet(session, configurations)
    return assembled(rows, limits or rows.limits.at(rows.now), principal_of(session))


class FleetRows(NamedTuple):
    """What the tables say of the fleet."""

    now: datetime
    limits: StoredLimits
    book: MemoryBook
    cards: Sequence[Row[*tuple[Any, ...]]]
    seats: Sequence[Row[*tuple[Any, ...]]]
    quotas: Mapping[int | None, int]


def read_fleet(session: Session, configurations: ColumnElement[bool] | None = None) -> FleetRows:
    """Read it, with the rows of the configurations that match besides those that have a place."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    limits, book = StoredLimits.load(session), MemoryBook.load(session)
    cards = session.execute(CARDS).all()
    rows = list(session.execute(seated()).all())
    if configurations is not None:
        seen = {row.configuration_id for row in rows}
        rows += [row for row in session.execute(unseated(configurations)) if row.configuration_id not in seen]
    quotas = {row.user_id: row.max_memory_mb for row in session.scalars(select(PlacementQuota))}
    return FleetRows(now, limits, book, cards, rows, quotas)


def assembled(rows: FleetRows, limits: Limits, reader: Principal) -> LoadedFleet:
    """The fleet that these rows describe, as the reader may see it. What is there may be asked for again."""
    seats = seats_of(rows.seats, limits, rows.book, sees_all=reader.sees_all, me=reader.user_id)
    fleet = Fleet.of([gpu_of(card) for card in rows.cards], _hosts(rows.cards))
    mix = Mix.given(likely(kinds_of(seats.values())))
    owners = {seat.owner_id for seat in seats.values()}
    placer = Placer(fleet, limits.rules, mix, quotas_of(owners, rows.quotas))
    ours = in_use(seats.values())
    for card in rows.cards:
        if card.current_memory_used_mb and not card.is_simulated:
            placer.update(gpu_of(card, ours.get(card.id, 0)))
    for seat in seats.values():
        if seat.holdings:
            placer.restore(promise_to(seat, placer))
    names = {card.id: card.name for card in rows.cards}
    return LoadedFleet(placer, limits, rows.book, seats, names, rows.now, reader.sees_all)


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


def gpu_of(row: Row[*tuple[Any, ...]], ours_mib: int | None = None) -> Gpu:
    """A card of the inventory. What others than our agents use of a real one is kept free for them.

    `ours_mib`: what our agents use of it; None: whatever is in use. What a simulated card shows is in nobody's way.
    """
    is_ours = row.is_simulated or ours_mib is None
    foreign_mib = 0 if is_ours else max((row.current_memory_used_mb or 0) - (ours_mib or 0), 0)
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


def kinds_of(seats: Iterable[Seat]) -> Counter[Kind]:
    """How often each kind is there."""
    return Counter(seat.request.kind for seat in seats if seat.memory_mib)


def likely(kinds: Mapping[Kind, int]) -> dict[Kind, int]:
    """How often each kind is likely to be asked for: as often as it is there, in round numbers.

    One agent more or less seldom changes them, and with them the scores of all cards. Where there are many kinds, those
    that differ only in whose they are count as one.
    """
    if len(kinds) > MOST_KINDS:
        merged: Counter[Kind] = Counter()
        for kind, count in kinds.items():
            merged[_anybodys(kind)] += count
        kinds = merged
    return {kind: _rounded(count) for kind, count in kinds.items() if count}


@lru_cache(maxsize=4096)
def _anybodys(kind: Kind) -> Kind:
    return replace(kind, terms="")


def _rounded(count: int) -> int:
    """The number by its first four binary digits: at most an eighth less."""
    dropped = max(count.bit_length() - 4, 0)
    return count >> dropped << dropped


def in_use(seats: Iterable[Seat]) -> dict[int, int]:
    """What our agents use of each card: as measured, else as promised."""
    used: dict[int, int] = {}
    for seat in seats:
        for gpu_id, _, promised, measured in seat.holdings:
            used[gpu_id] = used.get(gpu_id, 0) + (promised if measured is None else measured)
    return used


def quotas_of(owners: Iterable[int | None], stored: Mapping[int | None, int]) -> dict[int | None, int]:
    """What an owner may hold, in MiB: as was said of them, and for the rest of `owners` of everybody.

    Defaults of all users have no owner, and no quota.
    """
    everybodys = stored.get(None)
    found = {} if everybodys is None else dict.fromkeys(owners, everybodys)
    return {owner: quota for owner, quota in {**found, **stored}.items() if owner is not None}


def promise_to(seat: Seat, placer: Placer) -> Promise:
    """What the agent holds, as the engine enters it: on as many cards as it has, though it might not get them anew."""
    ledger, request, number = placer.ledger, seat.request, len(seat.holdings)
    cards = tuple(ledger.position_of[gpu_id] for gpu_id in seat.gpu_ids)
    if number not in seat.numbers:
        request = replace(request, kind=request.kind.over(number))
    return Promise(request, seat.over(number), ledger.cards[cards[0]].host.position, cards)
