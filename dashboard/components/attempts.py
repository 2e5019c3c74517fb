"""The attempts at one task, the first one first."""

from collections.abc import Sequence

from dashboard.components.delegation_board import timing
from dashboard.components.opening import linked, target
from dashboard.render import short
from dashboard.theme import sign
from helios_core.views.delegations import Delegation


def attempts(rows: Sequence[Delegation], present_id: int) -> None:
    """One line for each attempt, the present one marked."""
    linked("attempts", "attempts", [_line(row, row.id == present_id) for row in rows])


def _line(row: Delegation, is_present: bool) -> dict[str, object]:
    return {
        "key": row.id,
        "name": f"Attempt {row.attempt}",
        "sign": sign(row.status).data,
        "error": short(row.error_message, 160) if row.error_message else "",
        "time": timing(row),
        "is_present": is_present,
        "target": target("delegations", delegation=row.id),
    }
