"""Where an agent fits: each card with what it has promised, and what a draft would add."""

from collections.abc import Collection

from dashboard.components.packaged import component
from dashboard.render import clean, short
from dashboard.theme import Tone, series_colour
from helios_core.services.promises import CardFit

OTHERS = "#6E7B8B"


def card_fits(cards: tuple[CardFit, ...], chosen: Collection[int | None]) -> None:
    """Show `cards`, the chosen ones first to the eye."""
    models = sorted({model for card in cards for model in card.promised_by_model})
    component("card_fits")(key="card_fits", data={"cards": [_row(card, models, chosen) for card in cards]})


def _row(card: CardFit, models: list[str], chosen: Collection[int | None]) -> dict[str, object]:
    segments = [
        {
            "key": model,
            "label": short(model, 30),
            "title": f"{clean(model)}: {mib:,} MiB promised",
            "percent": 100 * mib / card.total_mib,
            "colour": series_colour(model, models),
        }
        for model, mib in card.promised_by_model.items()
    ]
    if not segments and card.promised_to_others_mib:
        percent = 100 * card.promised_to_others_mib / card.total_mib
        title = f"{card.promised_to_others_mib:,} MiB promised"
        segments = [{"key": "others", "label": "others", "title": title, "percent": percent, "colour": OTHERS}]
    return {
        "key": card.gpu_id,
        "title": f"GPU {card.gpu_id}",
        "name": clean(card.name),
        "is_chosen": card.gpu_id in chosen,
        "segments": segments,
        "draft_percent": None if card.added_mib is None else 100 * card.added_mib / card.total_mib,
        "sentence": f"{_mark(card)} {card.sentence}",
        "tone": _tone(card),
    }


def _mark(card: CardFit) -> str:
    return {True: "●", False: "✕", None: "○"}[card.fits]


def _tone(card: CardFit) -> Tone:
    tones: dict[bool | None, Tone] = {True: "ok", False: "critical", None: "unknown"}
    return tones[card.fits]
