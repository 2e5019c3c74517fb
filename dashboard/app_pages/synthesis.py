"""Synthesis: what the team concluded, and what of it wants a reader."""

import streamlit as st

from dashboard.chrome import header
from dashboard.components.card import section
from dashboard.components.conclusion_detail import conclusion_detail
from dashboard.components.conclusion_list import conclusion_list
from dashboard.live import live, shared
from helios_core.errors import NotFound
from helios_core.views.conclusions import list_conclusions

PAGE = 100


def listing() -> None:
    """All conclusions, those that want a reader first."""
    header("Synthesis")
    conclusions()


@live
def conclusions() -> None:
    """The conclusions, and a button for older ones."""
    shown = st.session_state.get("conclusions_shown", PAGE)
    rows = shared(list_conclusions, shown)
    wanted = [row for row in rows if row.wants_reader is not None]
    others = [row for row in rows if row.wants_reader is None]
    if not rows:
        st.info(
            "Nothing was concluded yet. Ask the team on the page Conversations, or bring conversations in with "
            "`helios import FILE…`.",
            icon=":material/balance:",
        )
        return
    section("Wants a reader", str(len(wanted)) if wanted else "nothing does")
    if wanted:
        conclusion_list("wanted", wanted)
    if others:
        section("All others")
        conclusion_list("others", others)
    if len(rows) >= shown:
        st.button("Show older ones", icon=":material/history:", on_click=show_more, args=(shown + PAGE,))


def show_more(number: int) -> None:
    """Let the list reach back over `number` syntheses."""
    st.session_state["conclusions_shown"] = number


chosen_id = st.query_params.get("conversation")
if chosen_id is None:
    listing()
elif chosen_id.isdecimal():
    conclusion_detail(int(chosen_id))
else:
    raise NotFound("There is no such conclusion.")
