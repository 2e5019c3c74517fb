"""The versions of an agent's configuration: what each changed, and the way back."""

import streamlit as st

from dashboard.components.changes import LONG_FIELDS, in_brief, show_change, show_lines
from dashboard.live import act, shared, trouble, views
from dashboard.render import date_and_time, plain
from helios_core.errors import HeliosError
from helios_core.services.agents import roll_back
from helios_core.services.configurations import differences
from helios_core.views.configurations import Version, configuration_form, versions

SHOWN = 15


@st.fragment
def agent_versions(agent_id: str) -> None:
    """Every version, newest first."""
    try:
        saved = shared(versions, agent_id)
        may_edit = shared(configuration_form, agent_id).may_edit
    except HeliosError as error:
        trouble(error)
        return
    shows_all = len(saved) > SHOWN and st.toggle(f"Show all {len(saved)} versions", key="all_versions")
    for version in saved if shows_all else saved[:SHOWN]:
        _version(agent_id, version, saved[0], may_edit)


def _version(agent_id: str, version: Version, live: Version, may_edit: bool) -> None:
    with st.container(border=True, key=f"card_version_{version.version}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_headline(version), width="stretch")
            if version.version == live.version:
                st.badge("live", color="blue")
            elif may_edit and st.button(f"Roll back to v{version.version} …", key=f"roll_back_{version.version}"):
                confirm_roll_back(agent_id, version, live)
        for change in version.changes:
            if change.field in LONG_FIELDS:
                with st.expander(plain(in_brief(change))):
                    show_lines(change)


def _headline(version: Version) -> str:
    """Why, what changed, by whom and when."""
    reason = plain(version.reason) if version.reason else "first version" if version.version == 1 else ""
    short = " · ".join(plain(in_brief(change)) for change in version.changes if change.field not in LONG_FIELDS)
    saved = f":gray[{plain(version.saved_by)}, {date_and_time(version.saved_at)}]"
    return "  \n".join(filter(None, [f"**v{version.version}** {reason}", short, saved]))


@st.dialog("Roll back?", width="large")
def confirm_roll_back(agent_id: str, version: Version, live: Version) -> None:
    """Show what would change, and ask once."""
    changes = differences(live.values, version.values)
    st.markdown(
        f"Version {live.version + 1} would hold what version {version.version} held. "
        f"Against what is live now{':' if changes else ', nothing would change.'}"
    )
    for change in changes:
        show_change(change)
    with st.container(horizontal=True):
        if st.button(f"Save as version {live.version + 1}", type="primary", disabled=not changes):
            _roll_back(agent_id, version, live)
        if st.button("Keep what is live"):
            st.rerun()


def _roll_back(agent_id: str, version: Version, live: Version) -> None:
    try:
        act(roll_back, agent_id, version.version, live.version)
    except HeliosError as error:
        views.forget()
        trouble(error)
    else:
        st.rerun()
