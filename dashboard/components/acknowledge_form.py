"""The form by which somebody says that they have seen an alert."""

from collections.abc import Sequence

import streamlit as st

from dashboard.live import act
from dashboard.render import date_and_time, plain, short
from dashboard.workspace import allows
from helios_core.errors import HeliosError
from helios_core.services.alerts import NOTE_MAX_CHARACTERS, acknowledge_alert
from helios_core.services.permissions import Action
from helios_core.views.alerts import Alert


def acknowledge_form(alerts: Sequence[Alert]) -> None:
    """Choose one that the reader has not acknowledged, and note what there is to say."""
    open_ones = {alert.key: alert for alert in alerts if not any(seen.is_own for seen in alert.acknowledgements)}
    if not open_ones or not allows(Action.ACKNOWLEDGE_ALERTS):
        return
    with st.form("acknowledge", border=False, clear_on_submit=True):
        which, why, button = st.columns([3, 3, 1], vertical_alignment="bottom")
        chosen = which.selectbox(
            "Seen", list(open_ones), format_func=lambda key: _name(open_ones[key]), key="acknowledged_alert"
        )
        note = why.text_input(
            "Note", max_chars=NOTE_MAX_CHARACTERS, placeholder="What it was, and what was done", key="acknowledged_note"
        )
        sent = button.form_submit_button("Acknowledge", icon=":material/done_all:", width="stretch")
    if sent and chosen is not None:
        _send(chosen, note)


def _name(alert: Alert) -> str:
    """An alert in one line; a list shows it as it is, without Markdown."""
    return f"{date_and_time(alert.at)} · {short(alert.title, 60)}"


def _send(key: str, note: str) -> None:
    try:
        act(acknowledge_alert, key, note)
    except HeliosError as error:
        st.warning(plain(str(error)), icon=":material/error:")
    else:
        st.toast("It is acknowledged.", icon=":material/done_all:")
        st.rerun()
