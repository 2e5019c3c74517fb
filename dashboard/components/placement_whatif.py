"""The map and the draft: who is on which card, what would be, with its reasons, and what else fits."""

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.components.facts import Fact, facts
from dashboard.components.placement_actions import placement_actions
from dashboard.components.placement_board import placement_board
from dashboard.components.placement_cards import models_of, placement_cards
from dashboard.components.placement_decisions import newest_decisions
from dashboard.components.placement_draft import PlacementDraft, draft_in_url
from dashboard.components.placement_moves import placement_moves
from dashboard.components.placement_newcomers import placement_newcomers
from dashboard.components.placement_outcome import outcome_of
from dashboard.components.placement_plans import newest_plans, proposals
from dashboard.components.placement_room import capacity_question
from dashboard.components.rule_list import rule_list
from dashboard.live import live, shared
from dashboard.render import plain
from helios_core.views.agents import list_agents
from helios_core.views.placement import PlacementMap, placement_map
from helios_core.views.rules import list_rules

MOST_HOSTS = 6


def placement_whatif() -> None:
    """The whole tab."""
    draft = draft_in_url()
    placement_actions(draft)
    proposals()
    cards(draft)
    with card("board", "Agents and cards", "a click puts an agent elsewhere in the draft; nothing moves before Apply"):
        board(draft)
        placement_newcomers(draft, _names())
    if not draft.is_empty:
        with card("moves", "Why"):
            moves(draft)
    rules, room, log = st.columns(3, gap="medium")
    with rules, card("rules_in_force", "Rules in force"):
        rules_in_force()
    with room, card("room", "Room for more"):
        room_for_more(draft)
        capacity_question()
    with log:
        with card("plans", "Plans"):
            newest_plans()
        with card("newest_decisions", "Decisions"):
            newest_decisions()


@live
def cards(draft: PlacementDraft) -> None:
    """The cards, as they are and as the draft would make them."""
    found = shared(placement_map)
    outcome = outcome_of(draft, found)
    if found.cards:
        placement_cards(found.cards, models_of(found.cards, outcome), outcome)
    else:
        st.info("No card is known yet. A collector adds them at its first reading: `helios collect`.")
    hosts(found)
    quota(found)


def hosts(found: PlacementMap) -> None:
    """What agents were promised of the hosts themselves, where their collectors tell what they have."""
    said = [
        f"{plain(host.name)}: {host.promised_cpu_cores or 0:g} of {formats.plural(round(host.cpu_cores), 'core')} and "
        f"{formats.memory_of(host.promised_memory_mib, host.memory_mib)} of its own memory promised"
        for host in found.hosts
        if host.cpu_cores is not None and host.memory_mib is not None
    ]
    if said:
        st.caption(f"{' · '.join(said[:MOST_HOSTS])}{' · …' if len(said) > MOST_HOSTS else ''}")


def quota(found: PlacementMap) -> None:
    """How much of the reader's own quota is used, where there is one."""
    if found.quota_mib is not None:
        st.caption(f"Your agents hold {formats.memory_of(found.used_mib, found.quota_mib)} of your quota.")


@live
def board(draft: PlacementDraft) -> None:
    """Who is where."""
    found = shared(placement_map)
    if not found.waiting and not draft.more and not any(card.agents for card in found.cards):
        st.caption("No agent of yours uses a card. Choose a model on your own cards in an agent's configuration.")
        return
    placement_board(found, draft, outcome_of(draft, found), _names())


def _names() -> dict[str, str]:
    """What the agents are called that compute on cards."""
    return {agent.agent_id: agent.name for agent in shared(list_agents) if agent.model_provider == "ollama"}


@live
def moves(draft: PlacementDraft) -> None:
    """The moves that the draft takes, each with its reasons."""
    outcome = outcome_of(draft, shared(placement_map))
    if outcome is not None and outcome.moves:
        placement_moves(outcome.moves)
    else:
        st.markdown("Everybody is there already: the draft changes nothing.")


@live
def rules_in_force() -> None:
    """The rules that hold now, the first first."""
    rules = [rule for rule in shared(list_rules) if rule.is_in_force]
    if rules:
        rule_list(rules)
    else:
        st.caption("None. Agents go where they cost the fleet the least usable room. Add one under Rules.")


@live
def room_for_more(draft: PlacementDraft) -> None:
    """How many more agents of each kind fit, now and after the draft."""
    outcome = outcome_of(draft, shared(placement_map), even_if_empty=True)
    if outcome is None or not outcome.room:
        st.caption("Of no model that is in use it is known what it takes.")
        return
    facts(
        "room",
        [
            Fact(f"{room.model_name}, {_context(room.context_tokens)}",
                 f"{room.now:,}" if draft.is_empty else f"{room.now:,} → {room.after:,}",
                 f"{formats.memory(room.memory_mib)} each, alone on a card")
            for room in outcome.room
        ],
    )  # fmt: skip


def _context(tokens: int | None) -> str:
    return "usual context" if tokens is None else f"{tokens:,} tokens"
