"""The form of a model's constraint: what it needs of a card."""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.components.card import card
from dashboard.components.form_draft import FormDraft, form_draft
from dashboard.components.form_saving import REASON, Form, form_saving
from dashboard.live import shared
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.services.constraints import (
    ConstraintFields,
    create_constraint,
    delete_constraint,
    edit_constraint,
)
from helios_core.services.permissions import Action
from helios_core.services.previews import preview_constraint
from helios_core.views.agents import list_agents
from helios_core.views.constraints import Constraint

TITLES = {name: info.title or name for name, info in ConstraintFields.model_fields.items()}
PROVIDERS = ("ollama", "openai", "anthropic", "google", "huggingface")
NUMBERS = ("min_memory_mb", "recommended_memory_mb", "max_agents_per_gpu", "max_context_tokens")
NEW: dict[str, Any] = {
    "model_provider": "ollama", "model_name": None, **dict.fromkeys(NUMBERS), "min_compute_capability": "",
    "is_exclusive": False, "allows_split": False, "requirements": "{}",
}  # fmt: skip


def constraint_form(constraint: Constraint | None) -> None:
    """The form of `constraint`, or of a new one; who may not edit constraints only reads it."""
    name = f"constraint {constraint.id}" if constraint else "constraint new"
    draft = form_draft(name, _typed(constraint), constraint.updated_at if constraint else None)
    with card("constraint", plain(constraint.model_name) if constraint else "A new constraint"):
        _fields(draft, disabled=not allows(Action.EDIT_CONSTRAINTS))
        if allows(Action.EDIT_CONSTRAINTS):
            form_saving(draft, FORM, name, constraint, _farewell(constraint))


def _typed(constraint: Constraint | None) -> dict[str, Any]:
    """What the form shows of a constraint: what is not asked for is empty, JSON is text."""
    if constraint is None:
        return {**NEW, REASON: ""}
    values = {name: getattr(constraint, name) for name in NEW}
    values["min_compute_capability"] = constraint.min_compute_capability or ""
    values["requirements"] = json.dumps(constraint.requirements, ensure_ascii=False, indent=2)
    return {**values, REASON: ""}


def _fields(draft: FormDraft, *, disabled: bool) -> None:
    models = sorted({agent.model_name for agent in shared(list_agents) if agent.model_name})
    provider, model = st.columns([1, 2])
    with provider:
        draft.show("model_provider", TITLES["model_provider"], st.selectbox, options=PROVIDERS, disabled=disabled)
    with model:
        draft.show(
            "model_name", TITLES["model_name"], st.selectbox, options=models, accept_new_options=True,
            placeholder="Choose a model, or type its name", disabled=disabled,
        )  # fmt: skip
    for names in (NUMBERS[:2], NUMBERS[2:]):
        for column, name in zip(st.columns(2), names, strict=True):
            with column:
                draft.show(name, TITLES[name], st.number_input, step=1, placeholder="nothing asked", disabled=disabled)
    capability, exclusive, split = st.columns([1.3, 1, 1], vertical_alignment="bottom")
    with capability:
        draft.show(
            "min_compute_capability", TITLES["min_compute_capability"], st.text_input, placeholder="8.6",
            disabled=disabled,
        )  # fmt: skip
    with exclusive:
        draft.show(
            "is_exclusive", TITLES["is_exclusive"], st.toggle, help="Nothing else on its card", disabled=disabled
        )
    with split:
        draft.show("allows_split", TITLES["allows_split"], st.toggle, help="Over several cards", disabled=disabled)
    draft.show("requirements", f"{TITLES['requirements']} (JSON)", st.text_area, height=80, disabled=disabled)


def _values(draft: FormDraft) -> dict[str, Any]:
    """What is typed, as the service takes it."""
    values = {name: draft.values[name] for name in NEW}
    return {
        **values,
        "model_name": values["model_name"] or "",
        "min_compute_capability": values["min_compute_capability"] or None,
    }


def _known(refused: Mapping[str, str]) -> dict[str, str]:
    return {name: sentence for name, sentence in refused.items() if name in NEW}


def _farewell(constraint: Constraint | None) -> str:
    name = plain(constraint.model_name) if constraint else ""
    return f"**{name}** will need no more than its estimate, from the next decision on."


FORM = Form(
    thing="constraint",
    values=_values,
    beside=_known,
    preview=preview_constraint,
    create=create_constraint,
    edit=edit_constraint,
    delete=delete_constraint,
)
