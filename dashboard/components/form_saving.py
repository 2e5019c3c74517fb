"""The end of a form: what its draft would change, why, and saving, discarding and deleting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import streamlit as st

from dashboard.chrome import select
from dashboard.components.form_draft import FormDraft, forget_draft
from dashboard.components.placement_preview import show_preview
from dashboard.live import act, trouble, views
from dashboard.render import plain
from helios_core.errors import EditConflict, HeliosError, InvalidInput
from helios_core.services.previews import Preview

REASON = "reason"
"""The field of a draft that says why; the audit keeps it."""
WHY = "Why, for those who come later"


class Row(Protocol):
    """What a form edits, as it was read."""

    @property
    def id(self) -> int:
        """By which the URL names it."""

    @property
    def updated_at(self) -> datetime:
        """By which a change tells whether somebody saved since."""


@dataclass(frozen=True)
class Form:
    """What is edited, and the use cases that change it; values are as these take them."""

    thing: str
    """What it is called, here and in the URL: "rule"."""
    values: Callable[[FormDraft], dict[str, Any]]
    beside: Callable[[Mapping[str, str]], Mapping[str, str]]
    """Refusals by field, beside the widgets that show them."""
    preview: Callable[[Any, dict[str, Any], int | None], Preview]
    create: Callable[..., Any]
    edit: Callable[..., Any]
    delete: Callable[..., Any]


def form_saving(draft: FormDraft, form: Form, name: str, row: Row | None, farewell: str) -> None:
    """Show it below the fields. `name`: that of the draft. `farewell`: what deleting the row means."""
    with st.container():
        if draft.has_changes:
            values = form.values(draft)
            show_preview(lambda session: form.preview(session, values, row.id if row else None))
    draft.show(REASON, "Reason", st.text_input, placeholder=WHY)
    outcome = st.empty()
    if draft.problem:
        outcome.warning(plain(draft.problem), icon=":material/error:")
    with st.container(horizontal=True):
        word = f"Save the {form.thing}" if row else f"Add the {form.thing}"
        if st.button(word, type="primary", disabled=not draft.has_changes):
            _save(draft, form, name, row)
        if st.button("Discard", disabled=not draft.has_changes):
            forget_draft(name)
            st.rerun()
        if row is not None and st.button("Delete …", icon=":material/delete:"):
            st.dialog(f"Delete this {form.thing}?")(_confirm_deletion)(form, row, farewell)


def _save(draft: FormDraft, form: Form, name: str, row: Row | None) -> None:
    draft.refused, draft.problem = {}, None
    values, reason = form.values(draft), draft.values[REASON] or None
    try:
        saved = act(form.edit, row.id, values, draft.seen, reason) if row else act(form.create, values, reason)
    except EditConflict as error:
        views.forget()
        draft.problem = f"{error} “Discard” takes theirs."
    except InvalidInput as error:
        draft.refused = form.beside(error.fields)
    except HeliosError as error:
        draft.problem = str(error)
    else:
        forget_draft(name)
        select(**{form.thing: saved.id})
    st.rerun(scope="fragment")


def _confirm_deletion(form: Form, row: Row, farewell: str) -> None:
    """Ask once, then delete."""
    st.markdown(farewell)
    reason = st.text_input("Reason", placeholder=WHY)
    with st.container(horizontal=True):
        if st.button("Delete", type="primary"):
            _delete(form, row, reason or None)
        if st.button("Keep"):
            st.rerun()


def _delete(form: Form, row: Row, reason: str | None) -> None:
    try:
        act(form.delete, row.id, row.updated_at, reason)
    except HeliosError as error:
        trouble(error)
    else:
        select(**{form.thing: None})
