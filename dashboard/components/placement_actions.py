"""What can be done with a draft: have one proposed, think cards away, discard it, apply it."""

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.components.placement_draft import PlacementDraft, into_url
from dashboard.components.placement_outcome import as_asked, outcome_of
from dashboard.live import act, guarded, live, shared, trouble, views
from dashboard.render import plain
from dashboard.workspace import allows, workspace
from helios_core.errors import HeliosError, Refused
from helios_core.services.permissions import Action
from helios_core.services.plans import TITLE_MAX_CHARACTERS, apply_plan, keep_plan
from helios_core.services.trials import suggest, what_if
from helios_core.services.whatif import WhatIf
from helios_core.views.gpus import list_gpus
from helios_core.views.placement import placement_map


def placement_actions(draft: PlacementDraft) -> None:
    """What the draft comes to in a line, and the buttons."""
    said(draft)
    buttons(draft)


@live
def said(draft: PlacementDraft) -> None:
    """The draft in one line."""
    found = shared(placement_map)
    outcome = outcome_of(draft, found)
    if outcome is None:
        waiting = f" · {formats.plural(len(found.waiting), 'agent')} without a card" if found.waiting else ""
        st.caption(f"No draft: this is how it is{waiting}.")
        return
    for refusal in outcome.refusals:
        st.markdown(f":orange[✕] {plain(refusal)}")
    st.caption(in_a_line(outcome))


def in_a_line(outcome: WhatIf) -> str:
    """How many moves a draft takes, and what they interrupt."""
    moves = formats.plural(_number(outcome), "move")
    reloads = f"{formats.plural(outcome.migrations, 'agent')} loaded anew" if outcome.migrations else "nobody waits"
    return f"Draft: {moves} · {reloads} · nothing else stops"


def _number(outcome: WhatIf) -> int:
    """How many moves a draft makes; what is refused is none."""
    return sum(not move.is_refused for move in outcome.moves)


@st.fragment
@guarded
def buttons(draft: PlacementDraft) -> None:
    """Suggest, think cards away, discard, apply."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="placement_actions"):
        _without(draft)
        if st.button(
            "Suggest a plan", icon=":material/lightbulb:", help="Cards for whoever waits, by the fewest moves"
        ):
            _suggest()
        if not draft.is_empty:
            _evicting(draft)
            if st.button("Discard draft"):
                into_url(PlacementDraft())
            outcome = outcome_of(draft, shared(placement_map))
            if allows(Action.MOVE_AGENTS):
                _apply_button(draft, outcome)
    if not allows(Action.MOVE_AGENTS):
        st.caption("You may try drafts here; an operator applies them.")


def _without(draft: PlacementDraft) -> None:
    """Cards that are thought away: what if they were gone?"""
    ids = [found.id for found in shared(list_gpus)]
    key = f"without_{draft.without}"
    chosen = st.pills(
        "What if these were gone?", ids, selection_mode="multi", format_func=lambda gpu: f"GPU {gpu}", key=key,
        default=[gpu for gpu in draft.without if gpu in ids],
    )  # fmt: skip
    if set(chosen) != {gpu for gpu in draft.without if gpu in ids}:
        into_url(replace(draft, without=tuple(sorted(chosen))))


def _evicting(draft: PlacementDraft) -> None:
    """Whether less important agents may lose their card for the draft."""
    may_evict = st.toggle(
        "Others may give way", draft.may_evict, key=f"evict_{draft.may_evict}",
        help="Less important agents lose their card where moving others does not suffice",
    )  # fmt: skip
    if may_evict != draft.may_evict:
        into_url(replace(draft, may_evict=may_evict))


def _suggest() -> None:
    found = workspace().read(suggest)
    if found.targets:
        into_url(PlacementDraft(tuple(found.targets.items())))
    st.toast("Nobody waits for a card, and nobody is on one that is lost: there is nothing to suggest.")


def _apply_button(draft: PlacementDraft, outcome: WhatIf | None) -> None:
    number = _number(outcome) if outcome else 0
    made = st.session_state.setdefault("plans_made", 0)
    reason = st.text_input(
        "Reason", placeholder="Why, for those who come later", width=260, key=f"placement_reason_{made}"
    )
    word = f"Apply {formats.plural(number, 'move')}"
    if st.button(word, type="primary", disabled=outcome is None or not outcome.is_applicable) and outcome:
        _apply(draft, outcome, reason)


def _apply(draft: PlacementDraft, shown: WhatIf, reason: str) -> None:
    try:
        act(_make, draft, shown, reason)
    except HeliosError as error:
        views.forget()
        trouble(error)
    else:
        st.session_state["plans_made"] += 1
        into_url(PlacementDraft())


def _make(session: Any, draft: PlacementDraft, shown: WhatIf, reason: str) -> None:  # noqa: ANN401 - handed on
    """Make the moves that were shown, all in one transaction; Refused where the draft comes to others by now."""
    found = what_if(session, as_asked(draft))
    if _ways(found) != _ways(shown):
        message = "The cards have changed since: the draft comes to other moves now. Look at them, and apply again."
        raise Refused(message)
    apply_plan(session, keep_plan(session, found.moves, reason[:TITLE_MAX_CHARACTERS]), reason or None)


def _ways(outcome: WhatIf) -> set[tuple[str, int | None, tuple[int, ...], tuple[int, ...]]]:
    return {(move.agent_id, move.configuration_id, move.from_gpu_ids, move.to_gpu_ids) for move in outcome.moves}
