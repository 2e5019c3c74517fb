"""Rules, one a row: what each says, and whether it holds now."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import formats
from dashboard.components.opening import linked, target
from dashboard.render import clean, date_and_time, short
from dashboard.theme import sign
from helios_core.views.rules import Rule

STRATEGIES = {
    "pack": "keep the most room for what is likely to come",
    "spread": "the card of which the least is promised",
    "least_loaded": "the card with the lowest utilisation",
    "thermal_headroom": "the coolest card",
}
"""What each strategy looks for."""


def rule_list(rules: Sequence[Rule], selected: str | None = None) -> None:
    """Show `rules`; one opens in its form."""
    linked("rule_list", "rules", [_row(rule, selected) for rule in rules], stays=True)


def said(rule: Rule) -> str:
    """What a rule says, in a line; names in it are foreign."""
    limits = [
        f"at most {rule.max_temperature_celsius} °C" if rule.max_temperature_celsius is not None else "",
        f"at most {rule.max_utilization_percent} % busy" if rule.max_utilization_percent is not None else "",
        f"at most {rule.max_memory_percent} % of the memory" if rule.max_memory_percent is not None else "",
        f"at most {formats.plural(rule.max_agents_per_gpu, 'agent')} a card" if rule.max_agents_per_gpu else "",
    ]
    return "; ".join(filter(None, [STRATEGIES.get(rule.strategy, rule.strategy), *limits, _about(rule.conditions)]))


def _about(conditions: Mapping[str, Any]) -> str:
    hours = conditions.get("hours") or {}
    parts = [
        "on " + ", ".join(f"GPU {gpu}" for gpu in conditions.get("gpu_ids", [])) if conditions.get("gpu_ids") else "",
        "for " + ", ".join(formats.title(str(agent)) for agent in conditions.get("agent_ids", []))
        if conditions.get("agent_ids")
        else "",
        f"for {formats.plural(len(conditions['user_ids']), 'user')}" if conditions.get("user_ids") else "",
        "with " + ", ".join(map(str, conditions.get("models", []))) if conditions.get("models") else "",
        f"{hours.get('begin')} to {hours.get('end')} {hours.get('timezone', 'UTC')}" if hours else "",
    ]
    return ", ".join(filter(None, parts))


def _row(rule: Rule, selected: str | None) -> dict[str, object]:
    word = "in_force" if rule.is_in_force else "waits" if rule.is_active else "off"
    span = [
        f"from {date_and_time(rule.valid_from)}" if rule.valid_from else "",
        f"until {date_and_time(rule.valid_until)}" if rule.valid_until else "",
    ]
    return {
        "key": rule.id,
        "name": short(rule.name, 80),
        "said": clean(said(rule)),
        "span": " ".join(filter(None, span)),
        "priority": f"priority {rule.priority}",
        "sign": sign(word).data,
        "problems": [clean(found.sentence) for found in rule.contradictions],
        "is_selected": str(rule.id) == selected,
        "target": target("placement", tab="Rules", rule=rule.id),
    }
