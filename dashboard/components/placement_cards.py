"""Cards with what is promised of each: as it is, and as a draft would make it."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.packaged import component
from dashboard.render import clean, short
from dashboard.theme import Sign, series_colour, sign
from helios_core.services.whatif import CardLoad, Segment, WhatIf
from helios_core.views.placement import MapCard

OTHERS = "#6E7B8B"


def placement_cards(cards: Sequence[MapCard], models: list[str], draft: WhatIf | None) -> None:
    """Show `cards`; with a draft, each with a second bar for what comes of it."""
    after = {load.gpu_id: load for load in draft.after} if draft else {}
    component("placement_cards")(
        key="placement_cards", data={"cards": [_card(card, models, after.get(card.gpu_id)) for card in cards]}
    )


def models_of(cards: Sequence[MapCard], draft: WhatIf | None) -> list[str]:
    """Every model that has a colour, in its order."""
    loads = [card.segments for card in cards] + [load.segments for load in (draft.after if draft else ())]
    return sorted({segment.model_name for segments in loads for segment in segments if segment.model_name})


def _card(card: MapCard, models: list[str], after: CardLoad | None) -> dict[str, object]:
    bars = [_bar("now", card.segments, card, models, card.promised_mib)]
    bars[0]["tick"] = _percent(card.measured_mib, card)
    if after is not None:
        bars.append(_bar("after", after.segments, card, models, after.promised_mib))
    return {
        "key": card.gpu_id,
        "title": f"GPU {card.gpu_id}",
        "name": short(card.name, 40),
        "sign": _sign(card).data,
        "heat": formats.celsius(card.temperature_celsius),
        "bars": bars,
        "told": _told(card, after),
        "troubles": [clean(trouble.sentence) for trouble in card.troubles],
    }


def _sign(card: MapCard) -> Sign:
    return sign(card.health if card.is_enabled else "offline")


def _told(card: MapCard, after: CardLoad | None) -> str:
    free = card.free_mib if after is None else after.free_mib
    said = [
        f"{formats.memory_of(card.promised_mib, card.capacity_mib)} promised",
        f"measured {formats.memory(card.measured_mib)}",
        f"{formats.memory(free)} free{' after' if after else ''}" if free >= 0 else f"{formats.memory(-free)} too much",
    ]
    return " · ".join(said)


def _bar(
    label: str, segments: Sequence[Segment], card: MapCard, models: list[str], promised_mib: int
) -> dict[str, object]:
    blocks: list[dict[str, object]] = []
    left = 0
    for segment in segments:
        blocks.append(_block(segment, card, models, left))
        left += segment.memory_mib
    return {
        "key": label,
        "label": label,
        "blocks": blocks,
        "tick": None,
        "spoken": f"{label}: {formats.memory_of(promised_mib, card.capacity_mib)} promised",
    }


def _block(segment: Segment, card: MapCard, models: list[str], left_mib: int) -> dict[str, object]:
    names = segment.agents
    letters = " ".join(formats.initials(name) for name in names)
    model = segment.model_name
    label = f"{short(model, 40)} · {short(letters, 40)}" if model else "others"
    who = ", ".join(names) if model else "other users"
    colour = series_colour(model, models) if model else OTHERS
    return {
        "key": model or "",
        "label": label if letters or not model else short(model, 40),
        "title": short(f"{model or 'others'}: {formats.memory(segment.memory_mib)} promised · {who}", 200),
        "colour": colour,
        "left": _percent(left_mib, card),
        "width": min(_percent(segment.memory_mib, card) or 0, 100 - (_percent(left_mib, card) or 0)),
    }


def _percent(mib: float | None, card: MapCard) -> float | None:
    return None if mib is None else round(min(100.0, 100 * mib / max(1, card.capacity_mib)), 2)
