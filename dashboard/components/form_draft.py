"""What somebody has typed into the form of a rule or a constraint and not saved yet.

It lives in the viewer's session and not in the widgets, so that a look at another tab or a refusal does not lose it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import streamlit as st

from dashboard.render import plain

_numbers = count(1)


@dataclass
class FormDraft:
    """A form's beginning, and what it holds now. Keys of its widgets are its own, so that a new draft has new ones."""

    base: dict[str, Any]
    seen: Any
    """By which a save tells whether somebody saved since; None for what is new."""
    values: dict[str, Any]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Sentences for fields whose values cannot be."""
    problem: str | None = None
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def has_changes(self) -> bool:
        """Whether something is typed."""
        return self.values != self.base

    def show(self, name: str, label: str, widget: Any, **options: Any) -> None:  # noqa: ANN401 - a widget and its options
        """Draw the widget of one field, and below it what was refused."""
        key = f"form_{self.number}_{name}"
        st.session_state.setdefault(key, self.values[name])
        with st.container(gap="xsmall"):
            self.values[name] = widget(label, key=key, **options)
            line = st.empty()
            if name in self.refused:
                line.markdown(f":small[:orange[▲ {plain(self.refused[name])}]]")


def form_draft(name: str, base: dict[str, Any], seen: Any) -> FormDraft:  # noqa: ANN401 - whatever tells versions apart
    """The draft under `name` in this session; it begins anew where somebody saved and nothing is typed here."""
    drafts = _drafts()
    if name not in drafts or (drafts[name].seen != seen and not drafts[name].has_changes):
        drafts[name] = FormDraft(base, seen, dict(base))
    return drafts[name]


def forget_draft(name: str) -> None:
    """Begin anew the next time."""
    _drafts().pop(name, None)


def _drafts() -> dict[str, FormDraft]:
    drafts: dict[str, FormDraft] = st.session_state.setdefault("form_drafts", {})
    return drafts
