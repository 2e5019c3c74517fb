"""The log of decisions, and the plans that may be undone."""

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.components.facet import facet
from dashboard.components.packaged import component
from dashboard.components.placement_moves import reasons, way
from dashboard.live import live, shared
from dashboard.older import pages
from dashboard.render import date_and_time, short
from dashboard.theme import sign
from helios_core.services.explanations import in_words
from helios_core.views.agents import list_agents
from helios_core.views.decisions import Decision, DecisionFilter, list_decisions

OUTCOMES = {name: name for name in ("placed", "moved", "kept", "released", "refused")}
PAGE_ROWS = 50
NEWEST = 5


def placement_decisions() -> None:
    """The decisions, as the URL narrows them."""
    with st.container(horizontal=True, gap="small"):
        names = {agent.agent_id: agent.name for agent in shared(list_agents)}
        outcome = facet("outcome", "Outcome", OUTCOMES)
        agent = facet("agent", "Agent", names)
    with card("decisions", "Decisions", "newest first; each opens to its reasons as they were then"):
        decisions(outcome, agent)


@live
def decisions(outcome: str | None, agent_id: str | None) -> None:
    """The decisions that match, and a button for older ones."""
    wanted = (outcome, agent_id)
    shown = st.session_state.get("decision_pages", {}).get(wanted, 1)
    rows, older = pages(list_decisions, DecisionFilter(agent_id=agent_id, outcome=outcome), shown, PAGE_ROWS)
    if rows:
        decision_list("decision_list", rows)
    elif wanted == (None, None):
        st.info("Nothing was decided yet. Put an agent on a card on the map, and apply the draft.")
    else:
        st.info("No decision matches. Take a filter away.", icon=":material/search_off:")
    if older is not None:
        st.button("Show older ones", icon=":material/history:", on_click=_show_more, args=(wanted, shown + 1))


@live
def newest_decisions() -> None:
    """The newest few."""
    rows = shared(list_decisions, DecisionFilter(), None, NEWEST).rows
    if rows:
        decision_list("newest_decisions", list(rows))
    else:
        st.caption("Nothing was decided yet.")


def decision_list(key: str, rows: list[Decision]) -> None:
    """Show decisions, one a row."""
    component("decision_list")(key=key, data={"decisions": [_row(row) for row in rows]})


def _row(row: Decision) -> dict[str, object]:
    return {
        "key": row.id,
        "when": date_and_time(row.decided_at),
        "what": short(_sentence(row), 160),
        "who": f"by {short(row.actor, 60)}" if row.actor else "by Helios",
        "why": f"“{short(row.reason, 200)}”" if row.reason else "",
        "about": " · ".join([short(row.model_name, 60), formats.memory(row.memory_mib), row.cause]),
        "sign": sign("refused").data if row.outcome == "refused" else None,
        "lines": reasons(row.explanation),
    }


def _sentence(row: Decision) -> str:
    agent = row.agent_name + (f" of {row.owner}" if row.owner else "")
    match row.outcome:
        case "moved":
            return f"moved {agent} {way(row.from_gpu_ids, row.to_gpu_ids)}"
        case "released":
            return f"took {agent} off {in_words(row.from_gpu_ids)}"
        case "refused":
            return f"refused {agent}"
    return f"{row.outcome} {agent} on {in_words(row.to_gpu_ids)}"


def _show_more(wanted: tuple[str | None, ...], number: int) -> None:
    """Let the list have `number` pages."""
    st.session_state["decision_pages"] = {wanted: number}
