"""Settings: whether the installation is well, who may use it, which models it asks, and how long it keeps what."""

import streamlit as st

from dashboard.chrome import header
from dashboard.components.settings_health import settings_health
from dashboard.components.settings_providers import settings_providers

TABS = {
    "Health": settings_health,
    "Providers": settings_providers,
}

header("Settings")
for tab, body in zip(st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True):
    if tab.open:
        with tab:
            body()
