"""A card: a titled surface on which a page puts what belongs together."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def card(key: str, title: str, note: str = "") -> DeltaGenerator:
    """A titled card to put elements into. `title` and `note` are Markdown: what is foreign goes through `plain`."""
    surface = st.container(border=True, key=f"card_{key}", gap="xsmall")
    surface.markdown(f"**:gray[{title}]** :gray[{note}]" if note else f"**:gray[{title}]**")
    return surface


def section(title: str, note: str = "") -> None:
    """The heading of a part of a page."""
    st.markdown(f"**:gray[{title}]** :gray[{note}]" if note else f"**:gray[{title}]**")
