"""Constraints of models: what each needs of a card, and the form of one."""

import streamlit as st

from dashboard.chrome import select
from dashboard.components.card import card
from dashboard.components.constraint_form import constraint_form
from dashboard.components.constraint_list import constraint_list
from dashboard.live import guarded, live, shared
from dashboard.workspace import allows
from helios_core.services.permissions import Action
from helios_core.views.constraints import list_constraints


def placement_constraints() -> None:
    """The constraints, and beside them the one that the URL names."""
    left, right = st.columns([1.3, 1], gap="medium")
    chosen = st.query_params.get("constraint")
    with left, card("constraints", "Constraints", "what a model needs, whoever uses it"):
        listing(chosen)
        if allows(Action.EDIT_CONSTRAINTS) and st.button("Add a constraint", icon=":material/add:"):
            select(constraint="new")
    with right:
        if chosen is not None:
            one_constraint(chosen)
        else:
            with card("constraint", "A constraint"):
                st.caption("Choose one at the left to see what it asks for.")


@live
def listing(selected: str | None) -> None:
    """Every constraint, by model."""
    constraints = shared(list_constraints)
    if constraints:
        constraint_list(constraints, selected)
    else:
        st.markdown("No model has a constraint yet.")
        st.caption("Without one, a model takes what its estimate says, on any card with room.")


@st.fragment
@guarded
def one_constraint(chosen: str) -> None:
    """The form of the constraint that the URL names."""
    known = {str(found.id): found for found in shared(list_constraints)}
    if chosen != "new" and chosen not in known:
        st.info("There is no such constraint any more.", icon=":material/search_off:")
        return
    constraint_form(known.get(chosen))
