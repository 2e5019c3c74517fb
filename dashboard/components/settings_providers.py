"""Which model servers there are for the agents to ask."""

import streamlit as st

from dashboard.components.card import card
from dashboard.components.facts import Fact, facts
from dashboard.theme import sign


def settings_providers() -> None:
    """The model servers."""
    with card("providers", "Providers"):
        facts("providers", [Fact("Model servers", "none configured", "agents keep their models, and nothing runs yet",
                                 sign("unknown"))])  # fmt: skip
        st.caption("Imported and sample conversations can be read all the same: `helios import FILE`.")
