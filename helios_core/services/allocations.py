"""Allocations: which agent is promised how much memory of which card. A card never promises more than it has."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from helios_core.allocation.requests import Kind
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput
from helios_core.models import AgentConfiguration, GPUAllocation, GPUResource
from helios_core.services.audit import recorded
from helios_core.services.everybody import everybodys_rows
from helios_core.services.fleet import lock_fleet
from helios_core.services.memory import MemoryBook
from helios_core.services.promises import CardAccount, Need, Promise, fit_on, portions
from helios_core.services.wishes import Wishes, stored_wishes


def accounts(
    session: Session, gpu_ids: Iterable[int] | None = None, *, lock: bool = False, book: MemoryBook | None = None
) -> list[CardAccount]:
    """The accounts of these cards, or of all; `lock`: nobody else promises any of them before this transaction ends.

    `book`: what is known of models, where the caller has read it already.
    """
    wanted = None if gpu_ids is None else list(gpu_ids)
    if lock and wanted != []:
        lock_fleet(session)
    cards = select(GPUResource).order_by(GPUResource.id).execution_options(populate_existing=True)
    found = session.scalars(cards if wanted is None else cards.where(GPUResource.id.in_(wanted))).all()
    book = book or MemoryBook.load(session)
    with everybodys_rows(session):
        promises = _live_promises(session, [card.id for card in found], book)
    return [_account(card, promises.get(card.id, [])) for card in found]


def keep_promise(
    session: Session,
    configuration: AgentConfiguration,
    owner_id: int | None = None,
    book: MemoryBook | None = None,
) -> None:
    """Bring what is promised to the agent in step with its configuration; InvalidInput where it does not fit.

    `owner_id`: the operator who answers for a default configuration, if not the principal. `book`: what is known of
    models, where the caller has read it already.
    """
    held = _held(session, configuration)
    targets = cards_of(configuration) if configuration.is_enabled else ()
    touched = {allocation.gpu_id for allocation in held} | set(targets)
    book = book or MemoryBook.load(session)
    by_id = {account.gpu_id: account for account in accounts(session, touched, lock=True, book=book)}
    need = need_of(configuration, book, len(targets)) if targets else None
    kept: dict[int, Promise] = {}
    for gpu_id in targets:
        if gpu_id not in by_id:
            raise InvalidInput({"further_gpu_ids": f"There is no GPU {gpu_id}."})
        kept[gpu_id] = _promise(session, configuration, by_id[gpu_id], held, owner_id=owner_id, need=need)
    leaving = [allocation for allocation in held if allocation.gpu_id not in targets]
    _release(session, leaving, "moved" if configuration.is_enabled else "agent switched off")
    for account in by_id.values():
        _settle(session, account.after(configuration.id, kept.get(account.gpu_id)))


def cards_of(configuration: AgentConfiguration) -> tuple[int, ...]:
    """The cards that the configuration names, by their numbers."""
    first = configuration.gpu_assignment
    return () if first is None else tuple(sorted({first, *configuration.further_gpu_ids}))


def release_promise(session: Session, configuration: AgentConfiguration, reason: str) -> None:
    """End what is promised to the agent with this configuration."""
    held = _held(session, configuration)
    touched = {allocation.gpu_id for allocation in held}
    found = accounts(session, touched, lock=True)
    _release(session, held, reason)
    for account in found:
        _settle(session, account.after(configuration.id, None))


def _held(session: Session, configuration: AgentConfiguration) -> Sequence[GPUAllocation]:
    # Two columns, each with an index: what was released long ago is never looked at.
    is_its = or_(
        GPUAllocation.configuration_id == configuration.id,
        GPUAllocation.default_configuration_id == configuration.id,
    )
    return session.scalars(select(GPUAllocation).where(is_its, GPUAllocation.released_at.is_(None))).all()


def _release(session: Session, allocations: Iterable[GPUAllocation], reason: str) -> None:
    for allocation in allocations:
        with recorded(session, "released", allocation, reason):
            allocation.released_at = func.now()
            allocation.release_reason = reason


def _promise(
    session: Session,
    configuration: AgentConfiguration,
    account: CardAccount,
    held: Sequence[GPUAllocation],
    *,
    owner_id: int | None,
    need: Need | None,
) -> Promise:
    if need is None:
        message = (
            f"How much memory {configuration.assigned_llm} takes is not known; "
            f"say how much to promise on GPU {account.gpu_id}."
        )
        raise InvalidInput({"allocated_memory_mb": message})
    fit = fit_on(account, need, configuration.id)
    if fit.refusal is not None:
        is_first = account.gpu_id == configuration.gpu_assignment
        raise InvalidInput({"gpu_assignment" if is_first else "further_gpu_ids": fit.refusal})
    found = next((allocation for allocation in held if allocation.gpu_id == account.gpu_id), None)
    allocation = found or _new_allocation(configuration, account.gpu_id, owner_id or principal_of(session).user_id)
    with recorded(session, "changed" if found else "promised", allocation):
        allocation.model_name = configuration.assigned_llm
        allocation.compute_percent = wishes_of(configuration).compute_percent or None
        allocation.allocated_memory_mb = portions([*account.without(configuration.id), need])[-1]
    return Promise(allocation.id, configuration.id, need, allocation.allocated_memory_mb)


def _new_allocation(configuration: AgentConfiguration, gpu_id: int, owner_id: int | None) -> GPUAllocation:
    is_default = configuration.user_id is None
    return GPUAllocation(
        user_id=owner_id if is_default else configuration.user_id,
        gpu_id=gpu_id,
        agent_id=configuration.agent_id,
        configuration_id=None if is_default else configuration.id,
        default_configuration_id=configuration.id if is_default else None,
    )


def wishes_of(configuration: AgentConfiguration) -> Wishes:
    """What the configuration asks of placement beyond memory."""
    return stored_wishes(configuration.constraints.get("placement", {}))


def need_of(configuration: AgentConfiguration, book: MemoryBook, on_cards: int = 1) -> Need | None:
    """What the agent needs of each of so many cards: as its configuration says, else as its model is known to take.

    None: nobody knows.
    """
    provider, model_name = configuration.model_provider, configuration.assigned_llm
    figures = book.figures(provider, model_name, configuration.context_tokens)
    memory = configuration.allocated_memory_mb
    if memory is None and figures is not None:
        memory = figures.reservation_mib
    if memory is None:
        return None
    return of_each_card(
        Need(
            owner_id=configuration.user_id,
            agent_id=configuration.agent_id,
            model_name=configuration.assigned_llm,
            context_tokens=configuration.context_tokens,
            memory_mib=memory,
            shared_mib=0 if figures is None else figures.shared_mib,
        ),
        wishes_of(configuration),
        on_cards,
    )


def of_each_card(need: Need, wishes: Wishes, on_cards: int) -> Need:
    """What an agent on so many cards needs of each, as the engine divides it. `need`: of one card alone."""
    if on_cards == 1:
        return need
    shared = min(need.shared_mib or 0, need.memory_mib)
    whole = Kind(memory_mib=need.memory_mib - shared, weights_mib=shared, model="any", cards=wishes.cards)
    shape = whole.over(on_cards).shapes[0]
    parts = shape.model[2] if shape.model else 1
    return replace(need, memory_mib=shape.memory_mib + shape.weights_mib, shared_mib=shape.weights_mib, parts=parts)


def _settle(session: Session, promises: Sequence[Promise]) -> None:
    """Let whoever is now first with a model on a card pay for its weights: the one that did may have left."""
    due = portions([promise.need for promise in promises])
    for promise, portion in zip(promises, due, strict=True):
        # Another user's promise stays unseen; its owner's next save settles it.
        allocation = session.get(GPUAllocation, promise.allocation_id) if portion != promise.promised_mib else None
        if allocation is not None:
            with recorded(session, "changed", allocation, "another agent pays for the model's weights now"):
                allocation.allocated_memory_mb = portion


@cache
def _promises_of_cards() -> Select[*tuple[Any, ...]]:
    """The live promises of the cards `gpu_ids`, the oldest first."""
    # Tables and not models: a member's session adds its own user to each query of a model.
    allocations, configurations = GPUAllocation.__table__, AgentConfiguration.__table__
    configuration_id = func.coalesce(allocations.c.configuration_id, allocations.c.default_configuration_id)
    return (
        select(
            allocations.c.gpu_id,
            allocations.c.id,
            allocations.c.user_id,
            allocations.c.agent_id,
            allocations.c.model_name,
            allocations.c.allocated_memory_mb,
            configurations.c.id.label("configuration_id"),
            configurations.c.user_id.label("owner_id"),
            configurations.c.model_provider,
            configurations.c.context_tokens,
            configurations.c.allocated_memory_mb.label("configured_memory_mb"),
            configurations.c.constraints["placement"].label("wishes"),
            func.cardinality(configurations.c.further_gpu_ids).label("further_cards"),
        )
        .select_from(allocations.outerjoin(configurations, configurations.c.id == configuration_id))
        .where(allocations.c.gpu_id.in_(bindparam("gpu_ids", expanding=True)), allocations.c.released_at.is_(None))
        .order_by(allocations.c.id)
    )


def _live_promises(session: Session, gpu_ids: Sequence[int], book: MemoryBook) -> dict[int, list[Promise]]:
    rows = session.execute(_promises_of_cards(), {"gpu_ids": gpu_ids})
    promises: dict[int, list[Promise]] = {}
    for row in rows:
        promises.setdefault(row.gpu_id, []).append(_promise_of(row, book))
    return promises


def _promise_of(row: Row[*tuple[Any, ...]], book: MemoryBook) -> Promise:
    is_configured = row.configuration_id is not None
    figures = book.figures(row.model_provider, row.model_name, row.context_tokens) if is_configured else None
    memory = row.configured_memory_mb
    if memory is None and figures is not None:
        memory = figures.reservation_mib
    need = Need(
        owner_id=row.owner_id if is_configured else row.user_id,
        agent_id=row.agent_id,
        model_name=row.model_name if is_configured else None,
        context_tokens=row.context_tokens,
        memory_mib=row.allocated_memory_mb if memory is None else memory,
        shared_mib=0 if figures is None else figures.shared_mib,
    )
    if memory is not None and row.further_cards:
        need = of_each_card(need, stored_wishes(row.wishes or {}), 1 + row.further_cards)
    return Promise(row.id, row.configuration_id, need, row.allocated_memory_mb)


def _account(card: GPUResource, promises: Sequence[Promise]) -> CardAccount:
    return CardAccount(
        gpu_id=card.id,
        name=card.name,
        total_mib=card.total_memory_mb,
        capacity_mib=max(card.total_memory_mb - (card.reserved_memory_mb or 0), 0),
        blocked=_blocked(card),
        promises=tuple(promises),
    )


def _blocked(card: GPUResource) -> str | None:
    if not card.is_enabled:
        return f"GPU {card.id} is switched off; choose another."
    if card.health in {"lost", "critical"}:
        return f"GPU {card.id} is {card.health} and takes nothing new; choose another."
    return None
