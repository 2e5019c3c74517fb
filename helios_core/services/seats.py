"""Seats: agents as placement sees them, made of the rows of configurations and allocations, one of these a card."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Row

from helios_core.allocation.requests import Kind, Request, Shape
from helios_core.models import ModelProvider
from helios_core.services.limits import Limits, ModelLimits
from helios_core.services.memory import MemoryBook, MemoryFigures
from helios_core.services.wishes import NO_WISHES, Wishes, stored_wishes
from helios_core.views.participants import named

MOST_PARTS = 8
"""Over so many cards a model that may be split is divided at most, unless an agent names other numbers."""


class Holding(NamedTuple):
    """What is promised to an agent of one card, and what it was measured to use there, in MiB."""

    gpu_id: int
    allocation_id: int
    promised_mib: int
    measured_mib: int | None


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
    title: str = ""
    """What people call it."""
    holdings: tuple[Holding, ...] = ()
    """Where it is: the cards by their numbers."""
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

    @property
    def key(self) -> int:
        """Its `AGENT_KEY`."""
        return -self.holdings[0].allocation_id if self.configuration_id is None else self.configuration_id

    @property
    def is_namesake(self) -> bool:
        """Whether an older agent is called the same, so that its name tells more."""
        return self.name.endswith(f"({self.agent_id}, {self.first_allocation_id or self.configuration_id})")

    @property
    def first_allocation_id(self) -> int | None:
        """The oldest of its allocations."""
        return min((holding.allocation_id for holding in self.holdings), default=None)

    @property
    def gpu_ids(self) -> tuple[int, ...]:
        """The cards where it is."""
        return tuple(holding.gpu_id for holding in self.holdings)

    @property
    def promised_mib(self) -> int | None:
        """What is promised to it of all its cards together; None where it has none."""
        return sum(holding.promised_mib for holding in self.holdings) if self.holdings else None

    @property
    def measured_mib(self) -> int | None:
        """What it was measured to use of all its cards; None where that is not known of each."""
        known = [holding.measured_mib for holding in self.holdings if holding.measured_mib is not None]
        return sum(known) if known and len(known) == len(self.holdings) else None

    @property
    def numbers(self) -> tuple[int, ...]:
        """On how many cards it may be, the preferred number first."""
        return tuple(shape.cards for shape in self.request.kind.shapes)

    def over(self, cards: int) -> Shape:
        """Its shape on so many cards, whether it may be on so many or not."""
        fitting = (shape for shape in self.request.kind.shapes if shape.cards == cards)
        return next(fitting, None) or self.request.kind.over(cards).shapes[0]

    def fixed_to(self, gpu_ids: Sequence[int]) -> Request:
        """Its request for exactly these cards; without any: for whichever are best."""
        kind = self.request.kind
        return replace(self.request, fixed_gpus=tuple(gpu_ids), kind=kind.over(len(gpu_ids)) if gpu_ids else kind)

    def number_objection(self, cards: int) -> str | None:
        """Why it may not be on so many cards."""
        if cards in self.numbers:
            return None
        allowed = numbers_in_words(self.numbers)
        return f"the agent may be on {allowed} card{'' if self.numbers == (1,) else 's'}, not on {cards}"


def numbers_in_words(numbers: Sequence[int]) -> str:
    """Numbers among which there is a choice: "2", "2 or 4", "1 to 8"."""
    first, last = min(numbers), max(numbers)
    if len(numbers) > 2 and sorted(numbers) == list(range(first, last + 1)):
        return f"{first} to {last}"
    return " or ".join(map(str, numbers))


def seats_of(
    rows: Iterable[Row[*tuple[Any, ...]]], limits: Limits, book: MemoryBook, *, sees_all: bool, me: int | None
) -> dict[str, Seat]:
    """The seats by their names. Those of other users have none that tells anything, unless the reader sees all."""
    seats: dict[str, Seat] = {}
    for group in _by_agent(rows):
        row = group[0]
        is_lease = row.configuration_id is None
        owner_id = row.holder_id if is_lease else row.owner_id
        is_unseen = not sees_all and owner_id not in {None, me}
        if not is_unseen:
            name = _name(row, owner_id, is_lease=is_lease)
            name = (
                name if name not in seats else f"{name} ({row.agent_id}, {row.allocation_id or row.configuration_id})"
            )
        else:
            name = f"another user's agent, {row.allocation_id or row.configuration_id}"
        seat = _leased(row, name) if is_lease else _seat(group, name, limits, book)
        seats[name] = replace(seat, is_unseen=True) if is_unseen else seat
    return seats


def _by_agent(rows: Iterable[Row[*tuple[Any, ...]]]) -> Iterable[tuple[Row[*tuple[Any, ...]], ...]]:
    """The rows of each agent, one a card; a lease is one by itself."""
    found: dict[tuple[object, object], tuple[Row[*tuple[Any, ...]], ...]] = {}
    for row in rows:
        key = row.configuration_id, row.allocation_id if row.configuration_id is None else None
        found[key] = (*found.get(key, ()), row)
    return found.values()


def _name(row: Row[*tuple[Any, ...]], owner_id: int | None, *, is_lease: bool) -> str:
    """What placement, and who reads its reasons, calls an agent."""
    name = named(row.agent_id, row.display_name) if row.display_name or not is_lease else row.agent_id
    name = name if owner_id is None else f"{name} of {row.username}"
    return f"{name}, lease {row.allocation_id}" if is_lease else name


def newcomer(
    agent_id: str,
    title: str,
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
    """An agent that is not there yet; rules call it by its id."""
    nothing = ("configuration_id", "version", "username", "gpu_id", "allocation_id", "promised_mib", "measured_mib",
               "holder_id")  # fmt: skip
    row = SimpleNamespace(
        **dict.fromkeys(nothing),
        agent_id=agent_id,
        display_name=title,
        owner_id=owner_id,
        model_provider=model_provider,
        assigned_llm=model_name,
        context_tokens=context_tokens,
        configured_mib=memory_mib,
        priority=priority,
        wishes=wishes,
        is_enabled=True,
    )
    return _seat((row,), title, limits, book)


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
        title=row.display_name or row.agent_id,
        holdings=_holdings((row,)),
        answers_id=row.holder_id,
        holder=row.holder,
        expires_at=row.expires_at,
    )


def _seat(rows: tuple[Any, ...], name: str, limits: Limits, book: MemoryBook) -> Seat:
    """The seat of a configuration's rows. Most rows are as they were when they were read last."""
    row = rows[0]
    figures = book.figures(ModelProvider(row.model_provider), row.assigned_llm, row.context_tokens)
    asked = limits.of_model(ModelProvider(row.model_provider).value, row.assigned_llm)
    is_comparable = isinstance(row, Row) and row.wishes is None
    return (_configured if is_comparable else _configured.__wrapped__)(rows, name, asked, figures)


@lru_cache(maxsize=2**16)
def _configured(
    rows: tuple[Any, ...], name: str, constraint: ModelLimits | None, figures: MemoryFigures | None
) -> Seat:
    row = rows[0]
    wishes = NO_WISHES if row.wishes is None else stored_wishes(row.wishes)
    memory = row.configured_mib
    if memory is None:
        memory = figures.reservation_mib if figures is not None else _promised(rows, wishes)
    shared = min(figures.shared_mib, memory) if figures is not None and memory is not None else 0
    kind = _kind(
        memory_mib=(memory or 0) - shared,
        weights_mib=shared,
        compute_milli=round(10 * wishes.compute_percent),
        model=row.assigned_llm,
        terms=f"{row.owner_id}/{row.context_tokens}",
        cards=wishes.cards,
        split_over=_split_over(wishes, constraint),
        host_cpu_milli=round(1000 * wishes.host_cpu_cores),
        host_memory_mib=wishes.host_memory_mib,
        gpu_types=frozenset(wishes.gpu_types),
        min_capability=(0, 0) if constraint is None else capability_of(constraint.min_compute_capability),
        max_agents_per_gpu=None if constraint is None else constraint.max_agents_per_gpu,
        is_exclusive=wishes.is_exclusive or (constraint is not None and constraint.is_exclusive),
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
        objection=_objection(row, wishes, memory, constraint),
        is_enabled=row.is_enabled,
        title=named(row.agent_id, row.display_name),
        holdings=_holdings(rows),
        answers_id=row.holder_id,
    )


def _promised(rows: Sequence[Any], wishes: Wishes) -> int | None:
    """What it takes by what it was promised; None where it was promised nothing."""
    held = _holdings(rows)
    return sum(holding.promised_mib for holding in held) // wishes.cards if held else None


def _holdings(rows: Iterable[Any]) -> tuple[Holding, ...]:
    """What these rows promise, a card each."""
    held = {
        row.gpu_id: Holding(row.gpu_id, row.allocation_id, row.promised_mib, row.measured_mib)
        for row in rows
        if row.gpu_id is not None
    }
    return tuple(held[gpu_id] for gpu_id in sorted(held))


def _split_over(wishes: Wishes, constraint: ModelLimits | None) -> tuple[int, ...]:
    """Over how many cards its memory may be divided: what its model does not allow it may not."""
    if constraint is None or not constraint.allows_split:
        return (1,)
    return tuple(wishes.split_over) or tuple(range(1, MOST_PARTS + 1))


def _objection(row: Any, wishes: Wishes, memory_mib: int | None, constraint: ModelLimits | None) -> str | None:  # noqa: ANN401
    """Why no card may have the agent, whatever is free."""
    model_name = row.assigned_llm
    if memory_mib is None:
        return f"how much memory {model_name} takes is not known; say how much to promise"
    if wishes.split_over and 1 not in wishes.split_over and (constraint is None or not constraint.allows_split):
        return f"the agent asks to be split, which no constraint allows for {model_name}"
    return None if constraint is None else constraint.objection(memory_mib, row.context_tokens)


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
