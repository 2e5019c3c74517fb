"""Delegations: the board, the Gantt, and each delegation's own page."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import formats
from dashboard.chrome import header
from dashboard.components.delegation_board import delegation_board, status_board
from dashboard.components.delegation_detail import delegation_detail
from dashboard.components.facet import facet
from dashboard.components.gantt import gantt
from dashboard.live import chosen_range, live, shared
from helios_core.errors import NotFound
from helios_core.views.delegations import STATUSES, Board, DelegationFilter, board, list_delegations

VIEWS = ("Board", "Gantt")
PAGE = 60
GANTT = 500


def overview() -> None:
    """All delegations, newest first, as the choices in the URL narrow them."""
    as_gantt = st.session_state.get("view", st.query_params.get("view")) == "Gantt"
    header("Delegations", ranges=as_gantt)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = st.segmented_control(
            "View", VIEWS, default="Board", key="view", bind="query-params", required=True,
            label_visibility="collapsed", width="content",
        )  # fmt: skip
        which = narrowed()
    (timeline if view == "Gantt" else columns)(which)


def narrowed() -> DelegationFilter:
    """What the viewer asks for."""
    everything = shared(board, DelegationFilter())
    agent = facet("agent", "Agent", dict(everything.agents))
    status = facet("status", "Status", {name: formats.words(name) for name in STATUSES})
    conversation = facet("conversation", "Conversation", titles(st.query_params.get("conversation")))
    return DelegationFilter(
        status=status if status in STATUSES else None,
        agent_id=agent,
        conversation_id=int(conversation) if conversation and conversation.isdecimal() else None,
    )


def titles(chosen: str | None) -> dict[str, str]:
    """The conversations of the newest delegations, and the chosen one, by their ids."""
    rows = list(shared(list_delegations, DelegationFilter()).rows)
    if chosen is not None and chosen.isdecimal():
        rows += shared(list_delegations, DelegationFilter(conversation_id=int(chosen)), None, 1).rows
    return {str(row.conversation_id): row.conversation_title for row in rows if row.conversation_title}


@live
def columns(which: DelegationFilter) -> None:
    """The board; or, of one status, a page of delegations at a time."""
    found = shared(board, which)
    if not found.counted:
        nothing(which)
    elif which.status is None:
        delegation_board(found)
    else:
        one_status(found, which, which.status)
    if found.is_count_partial:
        st.caption(f"The columns count the newest {found.counted:,} delegations.")


def one_status(found: Board, which: DelegationFilter, status: str) -> None:
    """All delegations of one status, and a way to what is older."""
    shown = st.session_state.get("delegations_shown", PAGE)
    page = shared(list_delegations, which, None, shown)
    if page.rows:
        status_board(found, status, page.rows)
    else:
        nothing(which)
    if page.older is not None:
        st.button("Show older ones", icon=":material/history:", on_click=show_more, args=(shown + PAGE,))


def show_more(number: int) -> None:
    """Let the page hold `number` delegations."""
    st.session_state["delegations_shown"] = number


@live
def timeline(which: DelegationFilter) -> None:
    """The Gantt of the chosen range, or of the whole of one conversation."""
    found = shared(list_delegations, which, None, GANTT).rows
    until = datetime.now(UTC)
    drawn = gantt(found, None if which.conversation_id is not None else until - chosen_range(), until)
    untimed = sum(not row.segments for row in found)
    if not found:
        nothing(which)
    elif not drawn:
        st.info("Nothing was going on in this range. Choose a longer one.", icon=":material/schedule:")
    if untimed:
        st.caption(f"{formats.plural(untimed, 'delegation')} without recorded times: only on the board.")


def nothing(which: DelegationFilter) -> None:
    """Say why the page is empty, and what to do next."""
    if which == DelegationFilter():
        st.info(
            "There are no delegations yet. They come with conversations: `helios import FILE…` brings some in.",
            icon=":material/account_tree:",
        )
    else:
        st.info("No delegation matches. Take a choice away.", icon=":material/search_off:")


chosen_id = st.query_params.get("delegation")
if chosen_id is None:
    overview()
elif chosen_id.isdecimal():
    delegation_detail(int(chosen_id))
else:
    raise NotFound("There is no such delegation.")
