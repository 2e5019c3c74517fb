"""The form by which somebody asks the team a question."""

import streamlit as st

from dashboard.chrome import open_page
from dashboard.live import act, shared
from dashboard.render import plain
from dashboard.workspace import allows
from helios_core.errors import HeliosError, InvalidInput
from helios_core.services.permissions import Action
from helios_core.services.providers import is_rehearsing
from helios_core.services.runs import PROJECT_MANAGER, start_conversation
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
        with st.expander("Who may be asked"):
            chosen = st.pills(
                "Experts", list(experts), selection_mode="multi", key="experts",
                format_func=lambda agent_id: plain(experts[agent_id]), label_visibility="collapsed",
            )  # fmt: skip
            st.caption("The Project Manager plans, and addresses those whom it needs among them.")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            sent = st.form_submit_button("Ask", type="primary", icon=":material/send:")
            if shared(is_rehearsing):
                st.markdown(":gray[◇ rehearsal: no model server is enabled, so answers are made up on this machine]")
    if sent:
        _ask(question, None if set(chosen) == set(experts) else chosen)


def _ask(question: str, agent_ids: list[str] | None) -> None:
    try:
        conversation_id = act(start_conversation, question, agent_ids=agent_ids)
    except InvalidInput as error:
        for sentence in error.fields.values():
            st.warning(plain(sentence), icon=":material/edit:")
    except HeliosError as error:
        st.warning(plain(str(error)), icon=":material/error:")
    else:
        open_page("conversations", conversation=conversation_id)
