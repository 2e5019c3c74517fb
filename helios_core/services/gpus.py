"""Cards: what an operator decides about one. Everything else about it its driver reports."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import InvalidInput, NotFound
from helios_core.models import GPUResource
from helios_core.services.allocations import accounts
from helios_core.services.editing import Fields, require_seen, store
from helios_core.services.permissions import Action, require
from helios_core.services.promises import gib


class CardFields(Fields):
    """The fields of a card that an operator sets. Memory is in MiB."""

    thing = "a card"

    is_enabled: Annotated[bool, Field(title="Enabled", description="A card is enabled or not.")] = True
    reserved_memory_mb: Annotated[
        int | None,
        Field(
            ge=0, le=2**31 - 1, title="Kept free (MiB)", description="Keep whole MiB from 0 free, or leave it empty."
        ),
    ] = None
    max_concurrent_agents: Annotated[
        int | None,
        Field(ge=1, le=32_767, title="Agents at once", description="Agents at once are 1 to 32,767, or empty."),
    ] = None


def edit_card(
    session: Session,
    gpu_id: int,
    changes: Mapping[str, object],
    seen: Mapping[str, object],
    reason: str | None = None,
) -> CardFields:
    """Save `changes` to a card whose fields the editor saw as `seen`, and return what holds now.

    The collector saves the card every second, so it is the values that tell whether another editor was faster. One
    that is switched off keeps its agents and takes no new ones. Raises InvalidInput, EditConflict and NotFound.
    """
    require(session, Action.EDIT_CARDS)
    account = next(iter(accounts(session, [gpu_id], lock=True)), None)
    if account is None:
        message = f"There is no GPU {gpu_id}."
        raise NotFound(message)
    card = session.scalars(
        select(GPUResource).where(GPUResource.id == gpu_id).with_for_update().execution_options(populate_existing=True)
    ).one()
    held = CardFields.of(card)
    require_seen(CardFields.validated(seen).snapshot(), held.snapshot(), f"GPU {gpu_id}")
    fields = held.changed(changes)
    promised = sum(promise.promised_mib for promise in account.promises)
    left = card.total_memory_mb - (fields.reserved_memory_mb or 0)
    if left < min(promised, account.capacity_mib):
        message = f"{gib(promised)} GiB of GPU {gpu_id} are promised; move agents away, or keep less of it free."
        raise InvalidInput({"reserved_memory_mb": message})
    store(session, card, fields, "changed", reason)
    return fields
