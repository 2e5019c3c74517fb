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
    """A form's beginning, and what it holds now."""

    base: dict[str, Any]
    seen: Any
    """By which a save tells whether somebody saved since; None for what is new."""
    values: dict[str, Any]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Sentences for fields whose values cannot be."""
    problem: str | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    """In the keys of its widgets, so that a new draft has new ones."""

    @property
    def has_changes(self) -> bool:
        """Whether something is typed."""
        return self.values != self.base

    def show(self, name: str, label: str, widget: Any, **options: Any) -> None:  # noqa: ANN401 - a widget and its options
        """Draw the widget of one field, and below it what was refused."""
        key = f"form_{self.number}_{name}"
        with st.container(gap="xsmall"):
            beginning = beginning_with(self.values[name], options)
            self.values[name] = widget(label, key=key, on_change=self._note, args=(name, key), **beginning)
            line = st.empty()
            if name in self.refused:
                line.markdown(f":small[:orange[▲ {plain(self.refused[name])}]]")

    def _note(self, name: str, key: str) -> None:
        """Keep what was typed, also where the next run does not draw the form any more."""
        self.values[name] = st.session_state[key]


def beginning_with(value: Any, options: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - of any widget
    """The arguments of a widget that begins with `value`: one choice by its place, several as a list of them.

    Every run says it: one with a key is the same with any beginning, and shows this one where the browser forgot it.
    """
    if "options" not in options:
        return {**options, "value": value}
    chosen = value if isinstance(value, list) else [] if value is None else [value]
    choices = list(dict.fromkeys([*options["options"], *chosen]))
    if isinstance(value, list):
        return {**options, "options": choices, "default": value}
    return {**options, "options": choices, "index": choices.index(value) if value in choices else None}


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
