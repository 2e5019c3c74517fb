"""An agent's audit: who changed its configuration and what it was promised, when and why."""

import streamlit as st

from dashboard.components.audit_list import audit_list
from dashboard.components.card import card
from dashboard.live import live
from dashboard.older import pages
from helios_core.views.audit import agent_changes

PAGE_ROWS = 50


def agent_audit(agent_id: str) -> None:
    """The changes, newest first."""
    with card("agent_audit", "Audit", "newest first; nobody can change or delete it"):
        changes(agent_id)


@live
def changes(agent_id: str) -> None:
    """Each change, and a button for older ones."""
    shown = st.session_state.get("agent_audit_pages", {}).get(agent_id, 1)
    rows, older = pages(agent_changes, agent_id, shown, PAGE_ROWS)
    if rows:
        audit_list(rows)
    else:
        st.caption("Nothing of this agent was changed yet.")
    if older is not None:
        st.button("Show older ones", icon=":material/history:", on_click=_show_more, args=(agent_id, shown + 1))


def _show_more(agent_id: str, number: int) -> None:
    """Let the list have `number` pages."""
    st.session_state["agent_audit_pages"] = {agent_id: number}
