"""Settings: whether the installation is well, who may use it, which models it asks, and how long it keeps what."""

import streamlit as st

from dashboard.chrome import header
from dashboard.components.settings_audit import settings_audit
from dashboard.components.settings_health import settings_health
from dashboard.components.settings_keys import settings_keys
from dashboard.components.settings_providers import settings_providers
from dashboard.components.settings_retention import settings_retention
from dashboard.components.settings_users import settings_users

TABS = {
    "Health": settings_health,
    "Users": settings_users,
    "Providers": settings_providers,
    "Keys": settings_keys,
    "Retention": settings_retention,
    "Audit": settings_audit,
}

header("Settings")
for tab, body in zip(st.tabs(list(TABS), key="tab", bind="query-params"), TABS.values(), strict=True):
    if tab.open:
        with tab:
            body()
