"""More agents of a kind that is there: how many, and like which one, for the draft to show where they fit."""

from collections.abc import Mapping

import streamlit as st

from dashboard.components.placement_draft import MOST_NEWCOMERS, PlacementDraft, into_url
from dashboard.live import guarded
from dashboard.render import short


@st.fragment
@guarded
def placement_newcomers(draft: PlacementDraft, names: Mapping[str, str]) -> None:
    """A choice of the agent that they are like, and their number."""
    if not names:
        return
    with st.expander("Add agents to the draft"), st.form("newcomers", border=False):
        left, right = st.columns([2, 1])
        like = left.selectbox("More agents like", list(names), format_func=lambda agent_id: short(names[agent_id], 60))
        count = right.number_input("How many", 1, MOST_NEWCOMERS, 1)
        st.caption("Applying creates them for all users, with its configuration; undoing switches them off.")
        if st.form_submit_button("Add to the draft", icon=":material/group_add:") and like:
            there = {kind[0]: kind for kind in draft.more}
            _, known, target = there.get(like, (like, 0, "anywhere"))
            into_url(draft.joined(like, known + int(count), target))
