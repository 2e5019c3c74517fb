"""Placement: which agent is on which card, what would be if it were elsewhere, and by which rules and reasons."""

import streamlit as st

from dashboard.chrome import header
from dashboard.components.placement_constraints import placement_constraints
from dashboard.components.placement_decisions import placement_decisions
from dashboard.components.placement_quotas import placement_quotas
from dashboard.components.placement_rules import placement_rules
from dashboard.components.placement_whatif import placement_whatif

TABS = {
    "Map": placement_whatif,
    "Rules": placement_rules,
    "Constraints": placement_constraints,
    "Quotas": placement_quotas,
    "Decisions": placement_decisions,
}

header("Placement")
for tab, body in zip(st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True):
    if tab.open:
        with tab:
            body()
