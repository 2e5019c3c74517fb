"""The fleet as this process keeps it: worked out once, and brought up to date by what was written since.

Nothing is believed that the database has not said in the same transaction. For each decision it tells, under the lock
on the fleet, which versions of which rows there are. A version is known by where it lies in its table and by the
transaction that wrote it: rows that agree in both are the same row with the same values, whoever wrote it, and one that
was rolled back is not among them. Agents and cards of which any row has another version are read, and they and who
shares cards with them are entered anew, in the order in which they were promised. Where anything else has another
version (rules, constraints, quotas, what is known of models, what hosts have), or the server is another, all is read.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    Text,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from helios_core.allocation.fleet import Gpu
from helios_core.allocation.ledger import Card
from helios_core.database.session import SYSTEM
from helios_core.models import (
    Collector,
    GPUAllocation,
    GPUResource,
    LoadBalancingRule,
    ModelFact,
    ModelMeasurement,
    PlacementQuota,
    ResourceConstraint,
)
from helios_core.models.base import Base
from helios_core.services.everybody import everybodys_rows
from helios_core.services.fleet import (
    CARDS,
    FleetRows,
    LoadedFleet,
    assembled,
    gpu_of,
    in_use,
    kinds_of,
    likely,
    load_fleet,
    lock_fleet,
    promise_to,
    quotas_of,
    read_fleet,
)
from helios_core.services.memory import ENOUGH_READINGS
from helios_core.services.seat_rows import CONFIGURATIONS, seated, unseated, versions_of_seats
from helios_core.services.seats import Seat, seats_of


@contextmanager
def fleet_for(session: Session, configuration_id: int) -> Iterator[tuple[LoadedFleet, Seat]]:
    """The fleet as it is now, and in it the agent with this configuration, for one decision.

    Nobody else promises anything before the transaction ends. Names are those that operators see, and what is promised
    in the block is forgotten after it.
    """
    with _standing(session) as standing:
        seat = standing.seat_of(session, configuration_id)
        if seat is not None:
            with standing.asked_by(seat):
                yield standing.fleet, seat
            return
        fleet = load_fleet(session, CONFIGURATIONS.c.id == configuration_id)
        yield fleet, next(seat for seat in fleet.seats.values() if seat.configuration_id == configuration_id)


@contextmanager
def fleet_beside(session: Session, newcomer: Seat) -> Iterator[LoadedFleet]:
    """The same for somebody who has no configuration."""
    with _standing(session) as standing:
        if newcomer.name in standing.fleet.seats:
            yield load_fleet(session)
            return
        with standing.asked_by(newcomer):
            yield standing.fleet


class Versions(NamedTuple):
    """Which rows there are at this moment: an id, or an agent's key, with all that tells a version."""

    now: datetime
    frame: str
    """Of all that every decision hangs on."""
    cards: frozenset[str]
    agents: frozenset[str]

    @classmethod
    def told(cls, session: Session) -> "Versions":
        """As the database tells them."""
        now, frame, cards, agents = session.execute(VERSIONS).one()
        return cls(now, frame, *(frozenset((lines or "").split(";")) - {""} for lines in (cards, agents)))


def _lines(table: type[Base]) -> Select[tuple[str]]:
    """Of every row its id, where it lies, and who wrote it."""
    name = table.__tablename__
    parts: tuple[ColumnElement[str], ...] = tuple(literal_column(f"{name}.{part}") for part in ("id", "xmin", "ctid"))
    return select(func.concat_ws(" ", *parts, literal(name)).label("line")).select_from(table)


_HOSTS = select(func.concat_ws(" ", Collector.host, Collector.host_cpu_cores, "/", Collector.host_memory_mb))
_RANK = func.row_number().over(
    partition_by=[ModelMeasurement.model_provider, ModelMeasurement.model_name],
    order_by=[ModelMeasurement.readings.desc(), ModelMeasurement.id],
)
# Readings are counted every second; what is concluded of them seldom changes.
_MEASURED = select(
    func.concat_ws(
        " ",
        ModelMeasurement.id,
        ModelMeasurement.model_provider,
        ModelMeasurement.model_name,
        ModelMeasurement.context_tokens,
        "/",
        ModelMeasurement.agents,
        ModelMeasurement.peak_memory_mb,
        _RANK == 1,
    )
).where(ModelMeasurement.readings >= ENOUGH_READINGS)
_FRAME = union_all(
    select(func.pg_postmaster_start_time().cast(Text).label("line")),
    _HOSTS,
    _MEASURED,
    *map(_lines, (LoadBalancingRule, ResourceConstraint, ModelFact, PlacementQuota)),
).subquery()
_CARDS = _lines(GPUResource).subquery()
_VERSIONS = select(
    func.clock_timestamp(),
    select(func.string_agg(_FRAME.c.line, aggregate_order_by(literal_column("';'"), _FRAME.c.line))).scalar_subquery(),
    select(func.string_agg(_CARDS.c.line, ";")).scalar_subquery(),
    versions_of_seats().scalar_subquery(),
)
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
VERSIONS = text(str(_VERSIONS.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})))
"""As text: to go through so long a statement each time takes longer than most statements."""
_REREAD = CARDS.where(GPUResource.__table__.c.id.in_(bindparam("cards", expanding=True)))
_ARRIVED = seated().where(GPUAllocation.__table__.c.id.in_(bindparam("allocations", expanding=True)))
_ASKED = unseated(CONFIGURATIONS.c.id == bindparam("configuration"))


class Standing:
    """What was read last, and the fleet that was made of it."""

    def __init__(self, versions: Versions, rows: FleetRows) -> None:
        self._versions = versions
        self._limits, self._quotas = rows.limits, rows.quotas
        self._cards = {row.id: row for row in rows.cards}
        self.fleet = assembled(rows, rows.limits.at(versions.now), SYSTEM)
        self._agents = {seat.key: seat for seat in self.fleet.seats.values()}
        self._kinds = kinds_of(self._agents.values())
        self.may_be_kept = not any(seat.is_namesake for seat in self._agents.values())
        """Who of several that are called the same has the name to itself depends on all of them."""

    def follow(self, session: Session, versions: Versions) -> bool:
        """Bring the fleet up to these versions; False where it has to be read as a whole, and is of no use any more."""
        if versions.frame != self._versions.frame:
            return False
        cards = {_key(line) for line in versions.cards ^ self._versions.cards}
        agents = {_key(line) for line in versions.agents ^ self._versions.agents}
        if cards and not self._reread(session, cards):
            return False
        arriving = self._read(session, [line for line in versions.agents if _key(line) in agents] if agents else [])
        left = [self._leave(key) for key in agents]
        if any(seat.is_namesake or name in self.fleet.seats for name, seat in arriving.items()):
            return False
        for seat in arriving.values():
            self._arrive(seat)
        self._enter_anew(set().union(*left, *(seat.gpu_ids for seat in arriving.values())))
        ledger = self.fleet.placer.ledger
        self._refresh(ledger.cards[ledger.position_of[gpu_id]] for gpu_id in cards)
        self._versions = versions
        self._put_in_force(versions.now)
        return True

    def seat_of(self, session: Session, configuration_id: int) -> Seat | None:
        """The agent with this configuration; None where somebody else has its name."""
        if configuration_id in self._agents:
            return self._agents[configuration_id]
        with everybodys_rows(session):
            rows = session.execute(_ASKED, {"configuration": configuration_id}).all()
        (seat,) = seats_of(rows, self.fleet.limits, self.fleet.book, sees_all=True, me=None).values()
        return None if seat.name in self.fleet.seats else seat

    @contextmanager
    def asked_by(self, seat: Seat) -> Iterator[None]:
        """Let this agent ask, and forget afterwards what it was promised."""
        placer, is_there = self.fleet.placer, seat.name in self.fleet.seats
        placer.expect(likely(self._kinds if is_there else self._kinds + kinds_of([seat])))
        placer.policy.quotas_mib = quotas_of({seat.owner_id}, self._quotas)
        yield
        touched = set(seat.gpu_ids)
        if seat.name in placer.ledger.promises:
            touched.update(placer.ledger.gpu_ids(placer.release(seat.name)))
        if seat.holdings:
            placer.restore(promise_to(seat, placer))
        self._enter_anew(touched)

    def _reread(self, session: Session, gpu_ids: Collection[int]) -> bool:
        """Read these cards; False where one is new, gone, or another than it was but for its readings."""
        rows = session.execute(_REREAD, {"cards": list(gpu_ids)}).all()
        if {row.id for row in rows} != gpu_ids or not all(row.id in self._cards for row in rows):
            return False
        if any(_lasting(gpu_of(row)) != _lasting(gpu_of(self._cards[row.id])) for row in rows):
            return False
        self._cards.update((row.id, row) for row in rows)
        return True

    def _read(self, session: Session, lines: Collection[str]) -> dict[str, Seat]:
        """The agents that are made of these rows."""
        if not lines:
            return {}
        rows = session.execute(_ARRIVED, {"allocations": [int(line.split(" ", 2)[1]) for line in lines]}).all()
        return seats_of(rows, self.fleet.limits, self.fleet.book, sees_all=True, me=None)

    def _leave(self, key: int) -> tuple[int, ...]:
        """Strike an agent; the cards that it held."""
        seat = self._agents.pop(key, None)
        if seat is None:
            return ()
        del self.fleet.seats[seat.name]
        self.fleet.placer.release(seat.name)
        self._kinds -= kinds_of([seat])
        return seat.gpu_ids

    def _arrive(self, seat: Seat) -> None:
        self._agents[seat.key] = self.fleet.seats[seat.name] = seat
        self.fleet.placer.restore(promise_to(seat, self.fleet.placer))
        self._kinds += kinds_of([seat])

    def _enter_anew(self, gpu_ids: Collection[int]) -> None:
        """Enter all who are on these cards as if all had been read: the oldest promise first."""
        placer = self.fleet.placer
        cards, names = placer.ledger.tied_to(placer.ledger.position_of[gpu_id] for gpu_id in gpu_ids)
        seats = sorted((self.fleet.seats[name] for name in names), key=lambda seat: seat.first_allocation_id or 0)
        for seat in seats:
            placer.release(seat.name)
        for seat in seats:
            placer.restore(promise_to(seat, placer))
        self._refresh(cards)

    def _refresh(self, cards: Iterable[Card]) -> None:
        """Enter what was read of these cards, and is left of them by others than our agents."""
        for card in cards:
            gpu_id = card.gpu.gpu_id
            ours = in_use(self.fleet.seats[name] for name in card.agents)
            gpu = gpu_of(self._cards[gpu_id], ours.get(gpu_id, 0))
            if gpu != card.gpu:
                self.fleet.placer.update(gpu)

    def _put_in_force(self, now: datetime) -> None:
        """Put the rules in force that hold at this moment."""
        limits = self._limits.at(now)
        if limits.rules != self.fleet.limits.rules:
            self.fleet.placer.change_rules(limits.rules)
        self.fleet.limits, self.fleet.now = limits, now


class _Keeper:
    """What is kept of one database, and the right to look at it: a connection may die and lose the fleet's lock."""

    def __init__(self) -> None:
        self.mutex = Lock()
        self.standing: Standing | None = None


_KEEPERS: WeakKeyDictionary[Engine, _Keeper] = WeakKeyDictionary()
_FINDING = Lock()


@contextmanager
def _standing(session: Session) -> Iterator[Standing]:
    """The fleet of the session's database, brought up to date; it is forgotten where anything goes wrong."""
    lock_fleet(session)
    with _FINDING:
        keeper = _KEEPERS.setdefault(session.get_bind().engine, _Keeper())
    with keeper.mutex:
        standing, keeper.standing = keeper.standing, None
        with everybodys_rows(session):
            versions = Versions.told(session)
            if standing is None or not standing.follow(session, versions):
                standing = Standing(versions, read_fleet(session))
        yield standing
        keeper.standing = standing if standing.may_be_kept else None


def _key(line: str) -> int:
    return int(line.partition(" ")[0])


def _lasting(gpu: Gpu) -> tuple[object, ...]:
    """What of a card the engine takes for given."""
    return gpu.host, gpu.traits, gpu.capacity_mib, gpu.compute_milli
