"""Overview: what needs me now, the cards and the team at a glance, what is under way, what just happened."""

from collections import Counter

import streamlit as st

from dashboard import formats
from dashboard.chrome import header
from dashboard.components.agent_cards import agent_cards
from dashboard.components.card import section
from dashboard.components.delegation_list import delegation_list
from dashboard.components.feed import feed
from dashboard.components.gpu_rows import gpu_rows
from dashboard.components.needs import need_cards
from dashboard.live import chosen_range, live, shared
from helios_core.views.agents import Agent, list_agents
from helios_core.views.events import events
from helios_core.views.fleet import fleet
from helios_core.views.needs import needs
from helios_core.views.overview import under_way_now

SPARKLINE_POINTS = 120


@live
def needs_you() -> None:
    """What needs the reader now; one quiet line where nothing does."""
    section("Needs you")
    found = shared(needs)
    if found:
        need_cards(found)
    else:
        st.markdown(":green[●] Nothing needs you now.")


@live
def cards() -> None:
    """One row per card."""
    section("Cards")
    found = shared(fleet, chosen_range(), SPARKLINE_POINTS)
    if found.cards:
        gpu_rows(found)
    else:
        st.caption("No card is known yet. The collector of `helios up` adds them at its first reading.")


@live
def team() -> None:
    """The roster."""
    agents = shared(list_agents)
    section("Team", _summary(agents) if agents else "")
    if agents:
        agent_cards(agents)
    else:
        st.caption("No agent is configured. `helios up` adds the default team at its start.")


@live
def under_way() -> None:
    """Delegations that wait or are being worked on."""
    found = shared(under_way_now)
    section("Under way", formats.plural(len(found), "delegation") if found else "")
    if found:
        delegation_list(found)
    else:
        st.caption("No delegation is under way. Conversations that ended are under Conversations.")


@live
def just_happened() -> None:
    """The newest events."""
    section("Just happened")
    found = shared(events)
    if found:
        feed(found)
    else:
        st.caption("Nothing has happened yet. `helios import FILE` brings conversations in.")


def _summary(agents: tuple[Agent, ...]) -> str:
    """How many there are, and what they do: "12 agents · 5 working · 1 error"."""
    counts = Counter(agent.status for agent in agents)
    busy = [f"{counts[status]} {status}" for status in ("working", "overloaded", "error") if counts[status]]
    return " · ".join([formats.plural(len(agents), "agent"), *busy])


header("Overview", ranges=True)
needs_you()
cards()
team_side, now_side = st.columns([2.3, 1], gap="medium")
with team_side:
    team()
with now_side:
    under_way()
    just_happened()
