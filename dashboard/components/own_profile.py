"""How the viewer wants to be addressed."""

import streamlit as st

from dashboard.live import act, guarded, shared, trouble
from helios_core.errors import HeliosError
from helios_core.services.profiles import NAME_MAX_CHARACTERS, save_profile
from helios_core.views.profiles import own_profile


@st.fragment
@guarded
def own_profile_form() -> None:
    """The viewer's own name."""
    profile = shared(own_profile)
    with st.form(f"own_profile_{profile.display_name}", border=False):
        name = st.text_input("Your name", value=profile.display_name or "", max_chars=NAME_MAX_CHARACTERS)
        if st.form_submit_button("Save name"):
            try:
                act(save_profile, name or None, profile.timezone, seen={"display_name": profile.display_name})
            except HeliosError as error:
                trouble(error)
            else:
                st.rerun()
