"""The dashboard. The server imports `app` once; for each viewer Streamlit runs this file as a script."""

import streamlit as st

from dashboard import chrome
from dashboard.health import routes
from dashboard.steady import steady
from dashboard.workspace import workspace
from helios_core.api.app import make_routes
from helios_core.exits import ending_well
from helios_core.web import require_loopback

if __name__ == "__main__":
    chrome.draw()
else:
    with ending_well():
        require_loopback(st.get_option("server.address"))
    steady()
    app = st.App(__file__, routes=[*routes, *make_routes(workspace)])
