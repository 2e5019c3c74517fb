"""Plans: those that wait for somebody who applies them, and those that may be undone."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.components.placement_moves import way
from dashboard.live import act, guarded, shared, trouble, views
from dashboard.render import date_and_time, plain
from dashboard.workspace import allows
from helios_core.errors import HeliosError
from helios_core.services.permissions import Action
from helios_core.services.plans import apply_plan, discard_plan, undo_plan
from helios_core.views.plans import Plan, list_plans

SHOWN = 5
STATUSES = {
    "draft": "waits for you",
    "applied": "holds",
    "undone": "was undone",
    "discarded": "was discarded",
}


@st.fragment(run_every=5.0)
@guarded
def proposals() -> None:
    """Plans that nobody has applied yet: Helios itself proposes them when a card is in trouble."""
    plans = shared(list_plans, "draft", SHOWN)
    if not plans:
        return
    with card("proposals", "Proposed", formats.plural(len(plans), "plan")):
        for plan in plans:
            _plan(plan)


@st.fragment(run_every=5.0)
@guarded
def newest_plans() -> None:
    """The plans of late, each with what may be done with it."""
    plans = [plan for plan in shared(list_plans, None, 4 * SHOWN) if plan.status != "discarded"][:SHOWN]
    for plan in plans:
        _plan(plan)
    if not plans:
        st.caption("No plan yet. Put an agent on another card on the map, and apply the draft.")


def _plan(plan: Plan) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"plan_{plan.id}"):
        st.markdown(_said(plan), width="stretch")
        if not allows(Action.MOVE_AGENTS):
            return
        if plan.may_be_applied:
            _button(plan, "Apply", apply_plan)
            _button(plan, "Discard", discard_plan)
        elif plan.may_be_undone:
            _button(plan, "Undo", undo_plan)


def _said(plan: Plan) -> str:
    who = f"by {plain(plan.created_by)}" if plan.created_by else "by Helios"
    moves = " · ".join(
        f"{plain(move.agent_name)}: {way(move.from_gpu_ids, move.to_gpu_ids, is_new=move.is_new)}"
        for move in plan.moves
    )
    when = date_and_time(plan.undone_at or plan.applied_at or plan.created_at)
    why = " ".join(plain(reason) for reason in plan.reasons)
    return "  \n".join(filter(None, [
        f"**{plain(plan.title)}** :gray[{STATUSES[plan.status]} · {when} {who}]", why, f":small[{moves}]",
    ]))  # fmt: skip


def _button(plan: Plan, word: str, use_case: Callable[[Any, int], object]) -> None:
    if not st.button(word, key=f"{word}_{plan.id}", help=f"{word}: {plain(plan.title)}"):
        return
    try:
        act(use_case, plan.id)
    except HeliosError as error:
        views.forget()
        trouble(error)
    else:
        st.rerun()
