"""Delegations under way, in brief."""

from dashboard import formats
from dashboard.components.opening import linked, target
from dashboard.render import short
from helios_core.views.delegations import Delegation


def delegation_list(delegations: tuple[Delegation, ...]) -> None:
    """One line for each delegation, with a bar where it reports its progress."""
    linked("delegation_list", "delegations", [_line(delegation) for delegation in delegations])


def _line(delegation: Delegation) -> dict[str, object]:
    spent = formats.duration(delegation.duration_seconds)
    return {
        "key": delegation.id,
        "agent": short(delegation.target_name, 40),
        "task": short(delegation.task, 120),
        "time": f"■ stuck {spent}" if delegation.stuck else spent,
        "tone": "warning" if delegation.stuck else None,
        "percent": delegation.progress_percent,
        "target": target("delegations", delegation=delegation.id),
    }
