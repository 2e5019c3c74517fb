"""Agents: the roster, and each agent's own page."""

import streamlit as st

from dashboard import formats
from dashboard.chrome import header, open_page
from dashboard.components.agent_audit import agent_audit
from dashboard.components.agent_cards import agent_cards
from dashboard.components.agent_form import agent_form
from dashboard.components.agent_head import agent_head
from dashboard.components.agent_performance import agent_performance
from dashboard.components.agent_profile import agent_profile
from dashboard.components.agent_versions import agent_versions
from dashboard.configured import held_version
from dashboard.live import act, live, shared, views
from dashboard.render import plain
from helios_core.services.agents import set_enabled
from helios_core.views.agents import Agent, find_agent, list_agents

GROUPS = {
    "all": None,
    "busy": {"working", "overloaded"},
    "free": {"online", "idle"},
    "in trouble": {"error", "overloaded"},
    "off": {"offline"},
}
TABS = {
    "Overview": agent_profile,
    "Configuration": agent_form,
    "Versions": agent_versions,
    "Performance": agent_performance,
    "Audit": agent_audit,
}


def roster() -> None:
    """Everybody, with a filter."""
    header("Agents")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            "Find", key="find", type="search", bind="query-params", label_visibility="collapsed",
            placeholder="Find by name, task, capability, model or GPU", width=360,
        )  # fmt: skip
        group = st.segmented_control(
            "Show", list(GROUPS), default="all", key="show", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
    cards(wanted or "", group or "all")


@live
def cards(wanted: str, group: str) -> None:
    """The agents that the filter leaves."""
    everybody = shared(list_agents)
    found = [agent for agent in everybody if _is_wanted(agent, wanted, group)]
    if not everybody:
        st.info("There are no agents yet. `helios up` adds the default team of twelve.", icon=":material/groups:")
    elif not found:
        st.info("No agent matches. Clear the search, or show all.", icon=":material/search:")
    working = sum(agent.status == "working" for agent in everybody)
    st.caption(f"{formats.plural(len(found), 'agent')} of {len(everybody)} · {working} working")
    agent_cards(found)


def _is_wanted(agent: Agent, wanted: str, group: str) -> bool:
    statuses = GROUPS[group]
    if statuses is not None and agent.status not in statuses:
        return False
    cards = [agent.gpu_id, *agent.further_gpu_ids]
    place = "no gpu" if agent.gpu_id is None else " ".join(f"gpu {gpu_id}" for gpu_id in cards)
    task = agent.task.description if agent.task else ""
    said = (agent.name, agent.description, *agent.capabilities, agent.model_name or "", place, task)
    return all(word in formats.words(" ".join(said)).lower() for word in formats.words(wanted).lower().split())


def detail(agent_id: str) -> None:
    """One agent."""
    agent = shared(find_agent, agent_id)
    with st.container(gap=None):
        if st.button("Agents", icon=":material/arrow_back:", type="tertiary"):
            open_page("agents")
        header(plain(agent.name))
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container():
            head(agent_id)
        if st.button("Switch off" if agent.is_enabled else "Switch on"):
            act(set_enabled, agent_id, not agent.is_enabled)
            st.rerun()
    for tab, body in zip(st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True):
        if tab.open:
            with tab:
                body(agent_id)
                if body is agent_form:
                    another_save(agent_id)


@live
def another_save(agent_id: str) -> None:
    """Draw the page anew as soon as somebody has saved this agent; what is typed stays, and the form shows both."""
    version = held_version(agent_id)
    if st.session_state.setdefault(f"held_{agent_id}", version) != version:
        st.session_state[f"held_{agent_id}"] = version
        views.forget()
        st.rerun()


@live
def head(agent_id: str) -> None:
    """What the agent is doing."""
    agent_head(shared(find_agent, agent_id))


chosen = st.query_params.get("agent")
if chosen is None:
    roster()
else:
    detail(chosen)
