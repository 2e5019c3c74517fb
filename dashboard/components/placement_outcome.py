"""What a draft comes to. It may take half a second of a core, so it is asked again only when something has changed."""

from collections.abc import Hashable
from typing import Any, cast

import streamlit as st

from dashboard.components.placement_draft import PlacementDraft
from dashboard.workspace import workspace
from helios_core.services.trials import what_if
from helios_core.services.whatif import Newcomer, WhatIf, WhatIfDraft
from helios_core.views.placement import PlacementMap

KEPT_SECONDS = 10
"""How old an outcome may get though nothing on the map has changed: rules hold by the hour, cards warm up."""


def as_asked(draft: PlacementDraft) -> WhatIfDraft:
    """The draft as the services take it."""
    targets: dict[int, Any] = dict(draft.targets)
    newcomers = tuple(Newcomer(like=like, count=count, target=target) for like, count, target in draft.more)
    return WhatIfDraft(
        targets=targets, newcomers=newcomers, without_gpus=frozenset(draft.without), may_evict=draft.may_evict
    )


def outcome_of(draft: PlacementDraft, found: PlacementMap, *, even_if_empty: bool = False) -> WhatIf | None:
    """What the draft comes to on the map as it is; None where there is no draft. Raises what the service refuses."""
    if draft.is_empty and not even_if_empty:
        return None
    key = (draft, _state(found))
    kept_key, kept = st.session_state.get("placement_outcome", (None, None))
    if kept_key == key:
        return cast("WhatIf", kept)
    outcome = workspace().read(lambda session: what_if(session, as_asked(draft)))
    st.session_state["placement_outcome"] = (key, outcome)
    return outcome


def _state(found: PlacementMap) -> Hashable:
    """All of the map on which an outcome depends."""
    cards = tuple(
        (card.gpu_id, card.is_enabled, card.health, card.capacity_mib, card.promised_mib) for card in found.cards
    )
    seats = tuple((agent.configuration_id, agent.gpu_ids) for card in found.cards for agent in card.agents)
    waiting = tuple(agent.configuration_id for agent in found.waiting)
    return cards, seats, waiting, found.rules_in_force, int(found.read_at.timestamp() // KEPT_SECONDS)
