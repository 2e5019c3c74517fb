"""The form of a model's constraint: what it needs of a card."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from dashboard.chrome import select
from dashboard.components.card import card
from dashboard.components.form_draft import FormDraft, forget_draft, form_draft
from dashboard.components.placement_preview import show_preview
from dashboard.live import act, shared, trouble, views
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.errors import EditConflict, HeliosError, InvalidInput
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
REASON = "reason"


def constraint_form(constraint: Constraint | None) -> None:
    """The form of `constraint`, or of a new one; who may not edit constraints only reads it."""
    name = f"constraint {constraint.id}" if constraint else "constraint new"
    draft = form_draft(name, _typed(constraint), constraint.updated_at if constraint else None)
    with card("constraint", plain(constraint.model_name) if constraint else "A new constraint"):
        _fields(draft, disabled=not allows(Action.EDIT_CONSTRAINTS))
        if allows(Action.EDIT_CONSTRAINTS):
            _saving(draft, constraint, name)


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
        every = list(dict.fromkeys([*models, *filter(None, [draft.values["model_name"]])]))
        draft.show(
            "model_name", TITLES["model_name"], st.selectbox, options=every, accept_new_options=True,
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


def _saving(draft: FormDraft, constraint: Constraint | None, name: str) -> None:
    with st.container():
        if draft.has_changes:
            constraint_id = constraint.id if constraint else None
            show_preview(partial(preview_constraint, values=_values(draft), constraint_id=constraint_id))
    draft.show(REASON, "Reason", st.text_input, placeholder="Why, for those who come later")
    outcome = st.empty()
    if draft.problem:
        outcome.warning(plain(draft.problem), icon=":material/error:")
    with st.container(horizontal=True):
        word = "Save the constraint" if constraint else "Add the constraint"
        if st.button(word, type="primary", disabled=not draft.has_changes):
            _save(draft, constraint, name)
        if st.button("Discard", disabled=not draft.has_changes):
            forget_draft(name)
            st.rerun()
        if constraint is not None and st.button("Delete …", icon=":material/delete:"):
            confirm_deletion(constraint)


def _values(draft: FormDraft) -> dict[str, Any]:
    """What is typed, as the service takes it."""
    values = {name: draft.values[name] for name in NEW}
    return {
        **values,
        "model_name": values["model_name"] or "",
        "min_compute_capability": values["min_compute_capability"] or None,
    }


def _save(draft: FormDraft, constraint: Constraint | None, name: str) -> None:
    draft.refused, draft.problem = {}, None
    reason = draft.values[REASON] or None
    try:
        if constraint is None:
            saved = act(create_constraint, _values(draft), reason)
        else:
            saved = act(edit_constraint, constraint.id, _values(draft), draft.seen, reason)
    except EditConflict as error:
        views.forget()
        draft.problem = f"{error} “Discard” takes theirs."
    except InvalidInput as error:
        draft.refused = _known(error.fields)
    except HeliosError as error:
        draft.problem = str(error)
    else:
        forget_draft(name)
        select(constraint=saved.id)
    st.rerun(scope="fragment")


def _known(refused: Mapping[str, str]) -> dict[str, str]:
    return {name: sentence for name, sentence in refused.items() if name in NEW}


@st.dialog("Delete this constraint?")
def confirm_deletion(constraint: Constraint) -> None:
    """Ask once, then delete."""
    st.markdown(f"**{plain(constraint.model_name)}** will need no more than its estimate, from the next decision on.")
    reason = st.text_input("Reason", placeholder="Why, for those who come later")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary"):
            _delete(constraint, reason)
        if st.button("Keep"):
            st.rerun()


def _delete(constraint: Constraint, reason: str) -> None:
    try:
        act(delete_constraint, constraint.id, constraint.updated_at, reason or None)
    except HeliosError as error:
        trouble(error)
    else:
        select(constraint=None)
