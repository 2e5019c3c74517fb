"""Rules of placement: those that hold, and the form of one."""

import streamlit as st

from dashboard import formats
from dashboard.chrome import select
from dashboard.components.card import card
from dashboard.components.rule_form import rule_form
from dashboard.components.rule_list import rule_list
from dashboard.live import guarded, live, shared
from dashboard.workspace import allows
from helios_core.services.permissions import Action
from helios_core.views.rules import list_rules


def placement_rules() -> None:
    """The rules, and beside them the one that the URL names."""
    left, right = st.columns([1.3, 1], gap="medium")
    chosen = st.query_params.get("rule")
    with left, card("rules", "Rules", "the first that says something holds"):
        listing(chosen)
        if allows(Action.EDIT_RULES) and st.button("Add a rule", icon=":material/add:"):
            select(rule="new")
    with right:
        if chosen is not None:
            one_rule(chosen)
        else:
            with card("rule", "A rule"):
                st.caption("Choose one at the left to see what it says.")


@live
def listing(selected: str | None) -> None:
    """Every rule, those that go first first."""
    rules = shared(list_rules)
    if rules:
        rule_list(rules, selected)
        at_odds = sum(bool(rule.contradictions) for rule in rules)
        if at_odds:
            st.markdown(f":orange[▲ {formats.plural(at_odds, 'rule')} contradict each other.]")
    else:
        st.markdown("There is no rule yet.")
        st.caption("Without one, agents go where they cost the fleet the least usable room.")


@st.fragment
@guarded
def one_rule(chosen: str) -> None:
    """The form of the rule that the URL names."""
    rules = {str(rule.id): rule for rule in shared(list_rules)}
    if chosen != "new" and chosen not in rules:
        st.info("There is no such rule any more.", icon=":material/search_off:")
        return
    rule_form(rules.get(chosen))
