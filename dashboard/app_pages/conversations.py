"""Conversations: start one and watch it, find one, read one."""

from collections.abc import Mapping

import streamlit as st

from dashboard import formats
from dashboard.chrome import header
from dashboard.components.ask_form import ask_form
from dashboard.components.conversation_detail import conversation_detail
from dashboard.components.conversation_list import SOURCES, conversation_list
from dashboard.components.facet import facet
from dashboard.live import live, shared
from helios_core.errors import NotFound
from helios_core.views.conversation_lists import (
    PHASES,
    SEARCHED_CONVERSATIONS,
    STATES,
    ConversationFilter,
    ConversationRow,
    Facets,
    facets,
    list_conversations,
)
from helios_core.views.paging import Cursor


def listing() -> None:
    """The list, newest first, as the words and facets in the URL narrow it."""
    header("Conversations")
    ask_form()
    found(narrowed(shared(facets)))


def narrowed(choices: Facets) -> ConversationFilter:
    """What the viewer asks for."""
    options = {
        "source": ("Source", counted(SOURCES, choices.sources)),
        "state": ("Outcome", counted({name: formats.words(name) for name in STATES}, choices.states)),
        "agent": ("Agent", counted({agent_id: choices.names[agent_id] for agent_id in choices.agents}, choices.agents)),
        "phase": ("Phase", {name: name for name in PHASES}),
    }
    words = st.text_input(
        "Search", key="q", type="search", bind="query-params", label_visibility="collapsed",
        placeholder="Search titles, questions and what was said",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        chosen = {name: facet(name, label, values) for name, (label, values) in options.items()}
    return ConversationFilter(words or "", chosen["source"], chosen["state"], chosen["agent"], chosen["phase"])


def counted(names: Mapping[str, str], numbers: Mapping[str, int]) -> dict[str, str]:
    """What each value is called, with how many of the newest conversations have it."""
    return {value: f"{name} · {numbers.get(value, 0)}" for value, name in names.items()}


@live
def found(which: ConversationFilter) -> None:
    """The conversations that match, and a button for older ones."""
    shown = st.session_state.get("conversation_pages", {}).get(which, 1)
    rows, older = pages(which, shown)
    if rows:
        conversation_list(rows)
    else:
        nothing(which, is_searching_on=older is not None)
    if older is not None:
        words = "Search older ones" if which.words else "Show older ones"
        st.button(words, icon=":material/history:", on_click=show_more, args=(which, shown + 1))
    if which.words:
        reach = "all conversations" if older is None else f"the newest {SEARCHED_CONVERSATIONS * shown:,} at most"
        st.caption(f"Titles, questions and messages were searched, of {reach}.")


def pages(which: ConversationFilter, number: int) -> tuple[list[ConversationRow], Cursor | None]:
    """The first `number` pages in one list, and where the next one begins."""
    rows: list[ConversationRow] = []
    older: Cursor | None = None
    for _ in range(number):
        page = shared(list_conversations, which, older)
        rows += page.rows
        older = page.older
        if older is None:
            break
    return rows, older


def show_more(which: ConversationFilter, number: int) -> None:
    """Let the list have `number` pages."""
    st.session_state["conversation_pages"] = {which: number}


def nothing(which: ConversationFilter, *, is_searching_on: bool) -> None:
    """Say why the list is empty, and what to do next."""
    if which == ConversationFilter():
        st.info(
            "There are no conversations yet. Ask the team above, or bring some in with `helios import FILE…`: "
            "Who&When and ChatDev runs, and Helios's own files.",
            icon=":material/forum:",
        )
    elif is_searching_on:
        st.info("None of the newest conversations matches. Older ones were not searched yet.", icon=":material/search:")
    else:
        st.info("No conversation matches. Take a word or a choice away.", icon=":material/search_off:")


chosen_id = st.query_params.get("conversation")
if chosen_id is None:
    listing()
elif chosen_id.isdecimal():
    conversation_detail(int(chosen_id))
else:
    raise NotFound("There is no such conversation.")
