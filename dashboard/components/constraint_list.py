"""Constraints of models, one a row."""

from collections.abc import Sequence

from dashboard import formats
from dashboard.components.opening import linked, target
from dashboard.render import clean, short
from helios_core.views.constraints import Constraint


def constraint_list(constraints: Sequence[Constraint], selected: str | None) -> None:
    """Show `constraints`; one opens in its form."""
    linked("constraint_list", "constraints", [_row(found, selected) for found in constraints], stays=True)


def said(constraint: Constraint) -> str:
    """What a constraint asks for, in a line."""
    parts = [
        f"at least {formats.memory(constraint.min_memory_mb)}" if constraint.min_memory_mb is not None else "",
        f"better {formats.memory(constraint.recommended_memory_mb)}" if constraint.recommended_memory_mb else "",
        f"capability {constraint.min_compute_capability} or newer" if constraint.min_compute_capability else "",
        f"at most {formats.plural(constraint.max_agents_per_gpu, 'agent')} a card"
        if constraint.max_agents_per_gpu
        else "",
        f"at most {constraint.max_context_tokens:,} tokens of context" if constraint.max_context_tokens else "",
        "alone on its card" if constraint.is_exclusive else "",
        "may be split over cards" if constraint.allows_split else "",
        "further requirements" if constraint.requirements else "",
    ]
    return ", ".join(filter(None, parts)) or "asks for nothing"


def _row(constraint: Constraint, selected: str | None) -> dict[str, object]:
    return {
        "key": constraint.id,
        "name": short(constraint.model_name, 80),
        "provider": constraint.model_provider,
        "said": clean(said(constraint)),
        "is_selected": str(constraint.id) == selected,
        "target": target("placement", tab="Constraints", constraint=constraint.id),
    }
