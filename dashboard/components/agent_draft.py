"""A draft of an agent's configuration: what somebody has typed and not saved yet.

It lives in the viewer's session and not in the widgets, so that neither a refresh, nor another tab of the page, nor a
refusal loses it.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import streamlit as st

from dashboard.live import act, shared, views
from helios_core.errors import EditConflict, HeliosError, InvalidInput
from helios_core.services.agents import save_configuration
from helios_core.services.configurations import ConfigurationFields, FieldChange, differences
from helios_core.views.configurations import ConfigurationForm, configuration_form

FIELDS = tuple(ConfigurationFields.model_fields)
REASON = "reason"

_numbers = count(1)


@dataclass
class Draft:
    """What the form of one agent began with, what it holds now, and what became of the last attempt to save it."""

    base: ConfigurationForm
    values: dict[str, Any]
    """Every field as it stands in the form."""
    refused: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    saved_version: int | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    """In the keys of its widgets, so that a new draft has new ones."""

    @property
    def agent_id(self) -> str:
        """Whose configuration this is."""
        return self.base.agent_id

    def key(self, name: str) -> str:
        """The key of a field's widget."""
        return f"edit_{self.number}_{name}"

    def note(self, name: str) -> None:
        """Keep what was typed into a widget."""
        self.values[name] = st.session_state[self.key(name)]

    def changes(self) -> tuple[FieldChange, ...]:
        """What the form holds that its beginning did not."""
        values = dict(self.values)
        with suppress(ValueError):
            values["constraints"] = json.loads(values["constraints"] or "{}")
        return differences(self.base.values, values)


def draft_of(form: ConfigurationForm) -> Draft:
    """The draft in this session.

    It begins with `form`, and begins again where somebody saved meanwhile and nothing is typed here.
    """
    draft = _drafts().get(form.agent_id)
    if draft is None:
        draft = begin(form)
    elif draft.base.version != form.version and not draft.changes():
        draft = begin(form, draft.saved_version)
    return draft


def begin(form: ConfigurationForm, saved_version: int | None = None) -> Draft:
    """A draft that holds what is saved."""
    draft = Draft(form, _typed(form.values), saved_version=saved_version)
    _drafts()[form.agent_id] = draft
    return draft


def discard(form: ConfigurationForm) -> None:
    """Forget what was typed, and begin with what is saved."""
    begin(form)


def rebase(draft: Draft, newest: ConfigurationForm) -> None:
    """Put what was typed on top of what somebody else saved meanwhile."""
    mine = {change.field: draft.values[change.field] for change in draft.changes()}
    again = begin(newest)
    again.values |= {**mine, REASON: draft.values[REASON]}


def save(draft: Draft) -> None:
    """Save what was typed, or keep it and say what is in the way."""
    changed = {change.field: draft.values[change.field] for change in draft.changes()}
    draft.refused, draft.problem, draft.saved_version = {}, None, None
    try:
        saved = act(save_configuration, draft.agent_id, changed, draft.base.version, draft.values[REASON] or None)
    except InvalidInput as error:
        draft.refused = error.fields
    except EditConflict as error:
        draft.problem = str(error)
        views.forget()
    except HeliosError as error:
        draft.problem = str(error)
    else:
        begin(shared(configuration_form, draft.agent_id), saved.version)


def _drafts() -> dict[str, Draft]:
    drafts: dict[str, Draft] = st.session_state.setdefault("drafts", {})
    return drafts


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a form shows of a snapshot: constraints as text."""
    constraints = json.dumps(values["constraints"], ensure_ascii=False, indent=2)
    return {**values, "constraints": constraints, REASON: ""}
