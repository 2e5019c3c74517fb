"""Trials: a draft tried on a copy of the fleet, with the moves that it takes; and how many more agents fit."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Session

from helios_core.allocation.batch import place_all
from helios_core.allocation.evict import evict
from helios_core.allocation.fleet import Gpu
from helios_core.allocation.rebalance import rebalance
from helios_core.allocation.simulate import how_many_more
from helios_core.database.session import principal_of
from helios_core.errors import NotFound
from helios_core.models import ModelProvider
from helios_core.services.explanations import Explanation, Line
from helios_core.services.fleet import LoadedFleet, load_fleet
from helios_core.services.newcomers import new_agents
from helios_core.services.placement import decide
from helios_core.services.seat_rows import CONFIGURATIONS
from helios_core.services.seats import Seat, capability_of
from helios_core.services.seats import newcomer as seat_of_newcomer
from helios_core.services.whatif import (
    Capacity,
    CardLoad,
    DraftMove,
    NewAgent,
    NewCard,
    Newcomer,
    Room,
    Segment,
    Target,
    WhatIf,
    WhatIfDraft,
    cards_of_target,
)

ROOM_EFFORT = 0.5
"""About so many seconds of one core to find out who has to move so that somebody fits."""
KINDS_SHOWN = 6
MOST_COUNTED = 10_000
"""Where counting stops: an agent that takes nothing fits for ever."""


def what_if(session: Session, draft: WhatIfDraft) -> WhatIf:
    """What a draft comes to. Raises NotFound for an agent or card that there is none of, or that is another user's."""
    fleet = load_fleet(session, CONFIGURATIONS.c.id.in_(list(draft.targets)))
    sees_all = principal_of(session).sees_all
    unknown = draft.without_gpus - fleet.placer.ledger.position_of.keys()
    if unknown:
        message = f"There is no GPU {min(unknown)}."
        raise NotFound(message)
    first = max(fleet.names, default=-1) + 1
    after = fleet.copy([_new_card(first + number, card) for number, card in enumerate(draft.new_cards)])
    newcomers = list(_newcomers(session, fleet, draft))
    asked = [
        *_asked(fleet, draft),
        *((seat, target) for seat, target, _ in newcomers),
        *_without_cards(after, draft),
    ]
    after.seats.update({seat.name: seat for seat, _ in asked})
    reasons = _try(after, asked, sees_all=sees_all, may_evict=draft.may_evict)
    moves = tuple(_moves(after, asked, reasons, {seat.name: new for seat, _, new in newcomers}))
    return WhatIf(loads(fleet), loads(after), moves, rooms(fleet, after))


def how_many(session: Session, kind: Newcomer) -> Capacity:
    """How many more agents of this kind fit, one after the other."""
    fleet = load_fleet(session)
    (new,) = new_agents(session, replace(kind, count=1))
    seat = _seat_of(session, fleet, new)
    by_gpu: Counter[int] = Counter()
    found, explanation = [], Explanation()
    for number in range(MOST_COUNTED):
        one = replace(seat, request=replace(seat.request, agent=f"one more {number}"))
        wanted = cards_of_target(kind.target)
        gpu_ids, explanation = decide(fleet, one, wanted, sees_all=principal_of(session).sees_all)
        if not gpu_ids:
            break
        found.append(gpu_ids)
        by_gpu.update(gpu_ids)
    return Capacity(
        model_name=seat.model_name or "",
        context_tokens=seat.context_tokens,
        memory_mib=seat.memory_mib or 0,
        count=len(found),
        by_gpu=dict(sorted(by_gpu.items())),
        divided=sum(len(gpu_ids) > 1 for gpu_ids in found),
        next_one=explanation,
    )


def suggest(session: Session, max_load_percent: float | None = None) -> WhatIfDraft:
    """A draft that gives a card to whoever waits, by the fewest moves, and takes agents off lost cards.

    `max_load_percent`: what no card may be loaded beyond, where that is possible.
    """
    fleet = load_fleet(session, waits_for(session))
    waiting = [seat for seat in waiting_seats(fleet) if seat.objection is None]
    trial = fleet.copy()
    cards = trial.placer.ledger.cards
    plan = rebalance(trial.placer, [seat.request for seat in waiting], max_load_percent)
    if plan is not None:
        moved = {move.request.agent: move.choice.cards for move in plan.moves}
    else:
        promises = place_all(trial.placer, [seat.request for seat in waiting])
        moved = {promise.request.agent: promise.cards for promise in promises}
    targets: dict[int, Target] = {}
    for name, positions in moved.items():
        configuration_id = fleet.seats[name].configuration_id
        if configuration_id is not None:
            gpu_ids = tuple(sorted(cards[position].gpu.gpu_id for position in positions))
            targets[configuration_id] = gpu_ids[0] if len(gpu_ids) == 1 else gpu_ids
    return WhatIfDraft(targets)


def waits_for(session: Session) -> ColumnElement[bool]:
    """Configurations that could wait for a card, as far as the reader may see them."""
    principal, columns = principal_of(session), CONFIGURATIONS.c
    is_seen = or_(columns.user_id.is_(None), columns.user_id == principal.user_id)
    could = and_(columns.is_enabled, columns.model_provider == ModelProvider.OLLAMA, columns.gpu_assignment.is_(None))
    return could if principal.sees_all else and_(could, is_seen)


def waiting_seats(fleet: LoadedFleet) -> list[Seat]:
    """Who has no card. What a user's own asks for like the default, the default's card serves."""
    waiting = [seat for seat in fleet.seats.values() if not seat.gpu_ids]
    of_all = {(seat.agent_id, seat.model_name, seat.memory_mib) for seat in waiting if seat.owner_id is None}
    return [s for s in waiting if s.owner_id is None or (s.agent_id, s.model_name, s.memory_mib) not in of_all]


def loads(fleet: LoadedFleet) -> tuple[CardLoad, ...]:
    """What is promised of each card."""
    return tuple(
        CardLoad(
            gpu_id=card.gpu.gpu_id,
            name=fleet.names[card.gpu.gpu_id],
            capacity_mib=card.capacity_mib,
            promised_mib=card.promised_mib,
            free_mib=card.free_memory_mib,
            segments=segments(fleet, card.position),
        )
        for card in fleet.placer.ledger.cards
    )


def segments(fleet: LoadedFleet, position: int) -> tuple[Segment, ...]:
    """What each loaded model takes of a card, with its agents; what others hold is one piece at the end."""
    found: dict[str, tuple[int, list[str]]] = {}
    loaded, others = set(), 0
    for name, promise in fleet.placer.ledger.cards[position].agents.items():
        shape = promise.shape
        memory = shape.memory_mib if shape.model in loaded else shape.memory_mib + shape.weights_mib
        loaded.add(shape.model)
        seat = fleet.seats[name]
        if seat.is_unseen:
            others += memory
        else:
            total, agents = found.get(seat.model_name or "unknown model", (0, []))
            found[seat.model_name or "unknown model"] = (total + memory, [*agents, name])
    seen = [Segment(model, memory, tuple(agents)) for model, (memory, agents) in found.items()]
    return (*seen, *([Segment(None, others, ())] if others else []))


def rooms(before: LoadedFleet, after: LoadedFleet) -> tuple[Room, ...]:
    """How many more agents fit of each kind that there is, or that the draft brings."""
    kinds = {
        (seat.model_name, seat.context_tokens): seat
        for seat in after.seats.values()
        if seat.memory_mib and not seat.is_unseen and seat.owner_id is None and seat.objection is None
    }
    return tuple(
        Room(
            seat.model_name or "",
            seat.context_tokens,
            seat.memory_mib or 0,
            how_many_more(before.placer, seat.request.kind),
            how_many_more(after.placer, seat.request.kind),
        )
        for seat in list(kinds.values())[:KINDS_SHOWN]
    )


def _asked(fleet: LoadedFleet, draft: WhatIfDraft) -> Iterator[tuple[Seat, Target]]:
    for configuration_id, target in draft.targets.items():
        seat = fleet.of_configuration(configuration_id)
        if seat is None or seat.is_unseen:
            message = f"There is no agent with the configuration {configuration_id}."
            raise NotFound(message)
        yield seat, target


def _newcomers(session: Session, fleet: LoadedFleet, draft: WhatIfDraft) -> Iterator[tuple[Seat, Target, NewAgent]]:
    """Who is not there yet, and where each is to be."""
    taken: set[str] = set()
    for kind in draft.newcomers:
        for new in new_agents(session, kind, taken):
            taken.add(new.agent_id)
            yield _seat_of(session, fleet, new), kind.target, new


def _seat_of(session: Session, fleet: LoadedFleet, new: NewAgent) -> Seat:
    principal, values = principal_of(session), new.values
    is_known = new.display_name in fleet.seats
    return seat_of_newcomer(
        new.agent_id,
        f"{new.display_name} ({new.agent_id})" if is_known else new.display_name,
        owner_id=None if principal.sees_all else principal.user_id,
        model_provider=ModelProvider(values["model_provider"]),
        model_name=values["assigned_llm"],
        context_tokens=values["context_tokens"],
        memory_mib=values["allocated_memory_mb"],
        priority=values["priority"],
        wishes=values["constraints"].get("placement"),
        limits=fleet.limits,
        book=fleet.book,
    )


def _new_card(gpu_id: int, card: NewCard) -> Gpu:
    return Gpu(
        gpu_id=gpu_id,
        host="new",
        total_memory_mib=card.memory_mib,
        gpu_type=card.name,
        capability=capability_of(card.compute_capability),
    )


def _without_cards(fleet: LoadedFleet, draft: WhatIfDraft) -> Iterator[tuple[Seat, Target]]:
    """Switch cards off; whoever is there has to go somewhere else."""
    ledger = fleet.placer.ledger
    leaving: dict[str, None] = {}
    for gpu_id in sorted(draft.without_gpus):
        card = ledger.cards[ledger.position_of[gpu_id]]
        fleet.placer.update(replace(card.gpu, is_enabled=False))
        leaving |= dict.fromkeys(card.agents)
    for name in leaving:
        seat = fleet.seats[name]
        if seat.configuration_id is not None and seat.configuration_id not in draft.targets:
            yield seat, "anywhere"


def _try(
    fleet: LoadedFleet, asked: Sequence[tuple[Seat, Target]], *, sees_all: bool, may_evict: bool
) -> dict[str, Explanation]:
    """Let everybody leave and then arrive, and say of each why there: first those who are asked to a certain card."""
    for seat, _ in asked:
        if seat.name in fleet.placer.ledger.promises:
            fleet.placer.release(seat.name)
    reasons: dict[str, Explanation] = {}
    for seat, target in sorted(asked, key=lambda pair: (pair[1] == "anywhere", -pair[0].request.priority)):
        if target is None:
            reasons[seat.name] = Explanation()
            continue
        gpu_ids, reasons[seat.name] = decide(fleet, seat, cards_of_target(target), sees_all=sees_all)
        if not gpu_ids and sees_all and _may_be(seat, target):
            reasons |= _make_room(fleet, seat, target) or (_evict(fleet, seat, target) if may_evict else {})
    return reasons


def _may_be(seat: Seat, target: Target) -> bool:
    """Whether it is for want of room only that the agent is not where it shall be."""
    wanted = cards_of_target(target)
    return seat.objection is None and not (wanted and seat.number_objection(len(wanted)))


def _make_room(fleet: LoadedFleet, seat: Seat, target: Target) -> dict[str, Explanation]:
    """Make the fewest moves of others after which the agent fits; who moves, and why. Nothing where there are none."""
    plan = rebalance(fleet.placer, [seat.fixed_to(cards_of_target(target))], effort=ROOM_EFFORT)
    if plan is None:
        return {}
    plan.apply(fleet.placer)
    names = [move.request.agent for move in plan.moves]
    return _reasons(fleet, seat, names, "it has room when others have moved.", f"makes room for {seat.name}.")


def _evict(fleet: LoadedFleet, seat: Seat, target: Target) -> dict[str, Explanation]:
    """Take less important agents off their card, as few as that takes; nothing where that does not suffice."""
    request = seat.fixed_to(cards_of_target(target))
    found = evict(fleet.placer, request, ROOM_EFFORT)
    names = [] if found is None else [promise.request.agent for promise in found.evicted]
    if found is None or any(fleet.seats[name].configuration_id is None for name in names):
        return {}
    found.apply(fleet.placer, request)
    return _reasons(
        fleet, seat, [*names, seat.name], "it has room when others have gone.", f"gives way to {seat.name}."
    )


def _reasons(fleet: LoadedFleet, seat: Seat, names: Sequence[str], own: str, of_others: str) -> dict[str, Explanation]:
    there = dict(fleet.placer.ledger.entries())
    return {
        name: Explanation((Line(there.get(name, ()), "chosen", own if name == seat.name else of_others),))
        for name in names
    }


def _moves(
    fleet: LoadedFleet,
    asked: Sequence[tuple[Seat, Target]],
    reasons: Mapping[str, Explanation],
    newcomers: Mapping[str, NewAgent],
) -> Iterator[DraftMove]:
    """Who is elsewhere than before, or is to be and cannot."""
    targets = {seat.name: (seat, target) for seat, target in asked}
    there = {name: tuple(sorted(gpu_ids)) for name, gpu_ids in fleet.placer.ledger.entries()}
    for name, explanation in reasons.items():
        seat, target = targets.get(name) or (fleet.seats[name], None)
        gpu_ids = there.get(name, ())
        is_refused = not gpu_ids and target is not None
        if gpu_ids != seat.gpu_ids or is_refused:
            yield DraftMove(
                configuration_id=seat.configuration_id,
                agent_id=seat.agent_id,
                agent=name,
                model_name=seat.model_name,
                from_gpu_ids=seat.gpu_ids,
                to_gpu_ids=gpu_ids,
                memory_mib=seat.memory_mib,
                is_asked=name in targets,
                is_refused=is_refused,
                explanation=explanation,
                newcomer=newcomers.get(name),
            )
