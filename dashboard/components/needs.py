"""What needs the reader now, as cards."""

from dashboard.components.opening import linked, target
from dashboard.render import clean, short
from dashboard.theme import sign
from helios_core.views.needs import Need


def need_cards(needs: tuple[Need, ...]) -> None:
    """One card for each need."""
    linked("needs", "needs", [_card(index, need) for index, need in enumerate(needs)])


def _card(index: int, need: Need) -> dict[str, object]:
    return {
        "key": f"{index}-{need.page}-{need.selection}",
        "sign": sign(need.severity).data,
        "title": short(need.title, 120),
        "detail": short(need.detail, 160),
        "action": clean(need.action),
        "target": target(need.page, **dict(need.selection)),
    }
