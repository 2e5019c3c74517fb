"""The form of a rule: what it says, whom it is about, when it holds; checked and told before it is saved."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard.components.card import card
from dashboard.components.form_draft import FormDraft, form_draft
from dashboard.components.form_saving import REASON, Form, form_saving
from dashboard.components.rule_list import STRATEGIES
from dashboard.live import shared
from dashboard.render import plain, short, zone
from dashboard.workspace import allows
from helios_core.services.permissions import Action
from helios_core.services.previews import preview_rule
from helios_core.services.rules import RuleFields, create_rule, delete_rule, edit_rule
from helios_core.views.agents import list_agents
from helios_core.views.gpus import list_gpus
from helios_core.views.rules import Rule
from helios_core.views.users import list_accounts

TITLES = {name: info.title or name for name, info in RuleFields.model_fields.items()}
LIMITS = {
    "max_temperature_celsius": "°C",
    "max_utilization_percent": "%",
    "max_memory_percent": "%",
    "max_agents_per_gpu": "",
}
NEW: dict[str, Any] = {
    "name": "", "strategy": "pack", "description": "", "priority": 5, "is_active": True, "applies_plans": False,
    **dict.fromkeys(LIMITS), "valid_from": None, "valid_until": None,
}  # fmt: skip


def rule_form(rule: Rule | None) -> None:
    """The form of `rule`, or of a new one; who may not edit rules only reads it."""
    name = f"rule {rule.id}" if rule else "rule new"
    draft = form_draft(name, _typed(rule), rule.updated_at if rule else None)
    with card("rule", plain(rule.name) if rule else "A new rule"):
        _fields(draft, disabled=not allows(Action.EDIT_RULES))
        if allows(Action.EDIT_RULES):
            form_saving(draft, FORM, name, rule, _farewell(rule))


def _typed(rule: Rule | None) -> dict[str, Any]:
    """What the form shows of a rule: conditions each on its own, times in the viewer's zone."""
    if rule is None:
        return {**NEW, **_conditions({}), REASON: ""}
    values = {name: getattr(rule, name) for name in NEW}
    for name in ("valid_from", "valid_until"):
        values[name] = _local(values[name])
    return {**values, **_conditions(rule.conditions), REASON: ""}


def _conditions(stored: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    hours = stored.get("hours") or {}
    return {
        "gpu_ids": list(stored.get("gpu_ids", [])),
        "agent_ids": list(stored.get("agent_ids", [])),
        "user_ids": list(stored.get("user_ids", [])),
        "models": list(stored.get("models", [])),
        "begin": hours.get("begin"),
        "end": hours.get("end"),
        "timezone": hours.get("timezone", zone().key),
    }


def _local(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(zone()).replace(tzinfo=None)


def _fields(draft: FormDraft, *, disabled: bool) -> None:
    draft.show("name", "Name", st.text_input, disabled=disabled, max_chars=100)
    draft.show(
        "strategy", "Strategy", st.selectbox, options=list(STRATEGIES), disabled=disabled,
        format_func=lambda name: f"{name.replace('_', ' ')}: {STRATEGIES[name]}",
    )  # fmt: skip
    st.caption("Limits that no card may exceed; empty ones say nothing")
    for column, (name, unit) in zip(st.columns(4), LIMITS.items(), strict=True):
        with column:
            label = f"{_short(name)} ({unit})" if unit else _short(name)
            draft.show(name, label, st.number_input, step=1, disabled=disabled, placeholder="none")
    st.caption("Whom it is about; empty is everything")
    _about(draft, disabled=disabled)
    st.caption("When it holds; empty is always")
    _when(draft, disabled=disabled)
    left, middle, right = st.columns([1, 1, 1.4], vertical_alignment="bottom")
    with left:
        draft.show("priority", "Priority", st.number_input, step=1, disabled=disabled, help="10 goes first, 1 last")
    with middle:
        draft.show("is_active", "Active", st.toggle, disabled=disabled)
    with right:
        draft.show(
            "applies_plans", "Applies plans by itself", st.toggle, disabled=disabled,
            help="Moves that bring a card back within this rule are made without asking",
        )  # fmt: skip
    draft.show("description", "Description", st.text_area, height=70, disabled=disabled, max_chars=2000)


def _short(name: str) -> str:
    return TITLES[name].partition(" (")[0]


def _about(draft: FormDraft, *, disabled: bool) -> None:
    agents = {agent.agent_id: agent.name for agent in shared(list_agents)}
    users = {account.id: account.username for account in shared(list_accounts).rows}
    cards = [found.id for found in shared(list_gpus)]
    models = sorted({agent.model_name for agent in shared(list_agents) if agent.model_name})
    left, right = st.columns(2)
    with left:
        _choices(draft, "gpu_ids", "Cards", cards, disabled=disabled, format_func=lambda gpu: f"GPU {gpu}")
        _choices(draft, "agent_ids", "Agents", list(agents), disabled=disabled,
                 format_func=lambda agent: short(agents.get(agent, agent), 60))  # fmt: skip
    with right:
        _choices(draft, "models", "Models", models, disabled=disabled, format_func=lambda model: short(model, 60))
        _choices(draft, "user_ids", "Users", list(users), disabled=disabled,
                 format_func=lambda user: short(users.get(user, f"user {user}"), 60))  # fmt: skip


def _choices(draft: FormDraft, name: str, label: str, known: list[Any], **options: Any) -> None:  # noqa: ANN401
    """Any of what is known, and what the rule names already."""
    every = list(dict.fromkeys([*known, *draft.values[name]]))
    draft.show(name, label, st.multiselect, options=every, placeholder="all", **options)


def _when(draft: FormDraft, *, disabled: bool) -> None:
    begin, end = st.columns(2)
    with begin:
        draft.show("begin", "Daily from", st.text_input, placeholder="22:00", disabled=disabled)
    with end:
        draft.show("end", "Daily until", st.text_input, placeholder="06:00", disabled=disabled)
    since, until = st.columns(2)
    with since:
        draft.show("valid_from", "From", st.datetime_input, format="YYYY-MM-DD", disabled=disabled)
    with until:
        draft.show("valid_until", "Until", st.datetime_input, format="YYYY-MM-DD", disabled=disabled)
    st.caption(f"Times are those of {plain(draft.values['timezone'])}.")


# Saving


def _values(draft: FormDraft) -> dict[str, Any]:
    """What is typed, as the service takes it."""
    typed = draft.values
    conditions = {name: typed[name] for name in ("gpu_ids", "agent_ids", "user_ids", "models") if typed[name]}
    if typed["begin"] or typed["end"]:
        conditions["hours"] = {
            "begin": typed["begin"] or "", "end": typed["end"] or "", "timezone": typed["timezone"]
        }  # fmt: skip
    values = {name: typed[name] for name in NEW}
    for name in ("valid_from", "valid_until"):
        values[name] = None if typed[name] is None else typed[name].replace(tzinfo=ZoneInfo(zone().key))
    return {**values, "conditions": conditions}


def _placed(refused: Mapping[str, str]) -> dict[str, str]:
    """Sentences beside the widget of their field: conditions have several, the first of which is the hours'."""
    return {"begin" if name == "conditions" else name: sentence for name, sentence in refused.items()}


def _farewell(rule: Rule | None) -> str:
    name = plain(rule.name) if rule else ""
    return f"**{name}** will not hold any more, from the next decision on. Nothing is moved by that."


FORM = Form(
    thing="rule",
    values=_values,
    beside=_placed,
    preview=preview_rule,
    create=create_rule,
    edit=edit_rule,
    delete=delete_rule,
)
