"""A card's memory as a bar: what is promised, by model, and where the measured use lies."""

from collections import defaultdict
from dataclasses import dataclass

from dashboard import formats
from dashboard.render import short
from dashboard.theme import SERIES
from helios_core.views.gpus import GpuCard, Promise

OTHER = SERIES[-1]


@dataclass(frozen=True, slots=True)
class ModelShare:
    """What is promised of a card for one model, to whom. Memory is in MiB; measured is None where it is not known."""

    model: str
    colour: str
    agents: tuple[str, ...]
    promised_mib: int
    measured_mib: int | None


def model_shares(card: GpuCard, colours: dict[str, str]) -> list[ModelShare]:
    """The promises of a card by model, the greatest first."""
    by_model: dict[str, list[Promise]] = defaultdict(list)
    for promise in card.promises:
        by_model[promise.model_name or "no model"].append(promise)
    shares = [_share(model, promises, colours) for model, promises in by_model.items()]
    return sorted(shares, key=lambda share: -share.promised_mib)


def _share(model: str, promises: list[Promise], colours: dict[str, str]) -> ModelShare:
    measured = [promise.measured_mib for promise in promises]
    known = [mib for mib in measured if mib is not None]
    return ModelShare(
        model=model,
        colour=colours.get(model, OTHER),
        agents=tuple(formats.title(promise.agent_id) for promise in promises),
        promised_mib=sum(promise.allocated_mib for promise in promises),
        measured_mib=sum(known) if len(known) == len(measured) else None,
    )


def model_colours(cards: tuple[GpuCard, ...]) -> dict[str, str]:
    """A colour for each model, the same on every card."""
    models = sorted({promise.model_name for card in cards for promise in card.promises if promise.model_name})
    return {model: SERIES[index % (len(SERIES) - 1)] for index, model in enumerate(models)}


def memory_bar(card: GpuCard, colours: dict[str, str]) -> dict[str, object]:
    """The bar for a component: a block for what is promised for each model, and a tick at the measured use.

    What is used beyond all promises is a block of its own, in grey.
    """
    blocks: list[dict[str, object]] = []
    left = 0.0
    for share in model_shares(card, colours):
        blocks.append(_block(share.model, share.colour, _told(share)) | _extent(card, left, share.promised_mib))
        left += share.promised_mib
    if card.memory_used_mib is not None and card.memory_used_mib > left:
        rest = card.memory_used_mib - left
        told = f"{formats.memory(rest)} used beyond what is promised"
        blocks.append(_block("used", OTHER, told) | _extent(card, left, rest))
    used = card.memory_used_mib
    return {
        "promised": formats.memory(card.promised_mib) if card.promises else "nothing",
        "used": formats.memory_of(used, card.total_memory_mib),
        "used_percent": None if used is None else min(100.0, 100 * used / card.total_memory_mib),
        "blocks": blocks,
    }


def _block(label: str, colour: str, title: str) -> dict[str, object]:
    return {"key": label, "label": short(label, 40), "colour": colour, "is_promised": colour != OTHER, "title": title}


def _extent(card: GpuCard, left_mib: float, mib: float) -> dict[str, object]:
    """Where a block lies, in percent of the card; what would reach over its end is cut off there."""
    left, width = (min(100.0, 100 * size / card.total_memory_mib) for size in (left_mib, mib))
    return {"left": round(left, 2), "width": round(min(width, 100.0 - left), 2)}


def _told(share: ModelShare) -> str:
    measured = "" if share.measured_mib is None else f", measured {formats.memory(share.measured_mib)}"
    agents = ", ".join(share.agents)
    return short(f"{share.model}: promised {formats.memory(share.promised_mib)}{measured} · {agents}", 200)
