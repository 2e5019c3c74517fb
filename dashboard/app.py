"""The dashboard. The server imports `app` once; for each viewer Streamlit runs this file as a script."""

import streamlit as st

from dashboard import chrome
from dashboard.health import routes

if __name__ == "__main__":
    chrome.draw()
else:
    app = st.App(__file__, routes=routes)
