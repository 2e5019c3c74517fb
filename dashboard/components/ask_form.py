"""The form by which somebody asks the team a question."""

import streamlit as st

from dashboard.chrome import open_page
from dashboard.live import act, shared
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.errors import HeliosError, InvalidInput
from helios_core.services.permissions import Action
from helios_core.services.providers import is_rehearsing
from helios_core.services.runs import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    PROJECT_MANAGER,
    USUAL_PRIORITY,
    start_conversation,
)
from helios_core.views.agents import list_agents


def ask_form() -> None:
    """Ask, and go on to the conversation. What is typed stays while the page refreshes and where it is refused."""
    if not allows(Action.WORK_IN_CONVERSATIONS):
        return
    experts = {agent.agent_id: agent.name for agent in shared(list_agents) if agent.is_enabled}
    experts.pop(PROJECT_MANAGER, None)
    chosen_before = st.session_state.get("experts", experts)
    st.session_state["experts"] = [agent_id for agent_id in chosen_before if agent_id in experts]
    with st.form("ask", border=True):
        question = st.text_area(
            "Ask the team", key="question", height=84, placeholder="What do you want to know, and what is given?"
        )
        with st.expander("Who may be asked, and how soon"):
            chosen = st.pills(
                "Experts", list(experts), selection_mode="multi", key="experts",
                format_func=lambda agent_id: plain(experts[agent_id]), label_visibility="collapsed",
            )  # fmt: skip
            st.caption("The Project Manager plans, and addresses those whom it needs among them.")
            priority = st.select_slider(
                "Priority", range(LOWEST_PRIORITY, _highest() + 1), USUAL_PRIORITY, key="priority",
                help="What waits with the highest priority is taken up first, and its experts get a card's slot first.",
            )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            sent = st.form_submit_button("Ask", type="primary", icon=":material/send:")
            if shared(is_rehearsing):
                st.markdown(":gray[◇ rehearsal: no model server is enabled, so answers are made up on this machine]")
    if sent:
        _ask(question, None if set(chosen) == set(experts) else chosen, priority)


def _highest() -> int:
    return HIGHEST_PRIORITY if allows(Action.PUT_FIRST) else USUAL_PRIORITY


def _ask(question: str, agent_ids: list[str] | None, priority: int) -> None:
    try:
        conversation_id = act(start_conversation, question, agent_ids=agent_ids, priority=priority)
    except InvalidInput as error:
        for sentence in error.fields.values():
            st.warning(plain(sentence), icon=":material/edit:")
    except HeliosError as error:
        st.warning(plain(str(error)), icon=":material/error:")
    else:
        open_page("conversations", conversation=conversation_id)
