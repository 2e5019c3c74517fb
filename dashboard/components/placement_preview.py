"""What a rule or a constraint would change, told before it holds."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.render import plain
from dashboard.workspace import workspace
from helios_core.errors import HeliosError
from helios_core.services.previews import Preview

MOST_BREACHES = 8


def show_preview(preview: Callable[[Any], Preview]) -> None:
    """What `preview(session)` finds; what cannot be is said beside its field when it is saved."""
    try:
        found = workspace().read(preview)
    except HeliosError as error:
        st.markdown(f":orange[▲ {plain(str(error))}]")
        return
    st.markdown("**:gray[What it would change]**")
    for sentence in _objections(found):
        st.markdown(f":orange[▲ {plain(sentence)}]")
    for sentence in _effects(found):
        st.markdown(f":blue[{plain(sentence)}]")


def _objections(found: Preview) -> list[str]:
    shown = [breach.sentence for breach in found.breaches[:MOST_BREACHES]]
    more = len(found.breaches) - len(shown)
    return [
        *(contradiction.sentence for contradiction in found.contradictions),
        *(f"{sentence} It stays until somebody moves it." for sentence in shown),
        *([f"{formats.plural(more, 'further agent')} would be where the rule does not want them."] if more else []),
        *(f"No other card would take {agent}." for agent in found.homeless[:MOST_BREACHES]),
    ]


def _effects(found: Preview) -> list[str]:
    rooms = [
        f"{room.after:,} instead of {room.now:,} more agents with {room.model_name} would fit."
        for room in found.rooms
        if room.now != room.after
    ]
    later = [] if found.holds_now else ["It would not hold now: its time, its hours or its switch say so."]
    return [*later, *rooms] or ([] if found.contradictions or found.breaches else ["Nothing that is placed now."])
