"""Alerts: what needs somebody now, and what did."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import formats
from dashboard.chrome import header
from dashboard.components.acknowledge_form import acknowledge_form
from dashboard.components.alert_list import alert_list
from dashboard.components.card import card, section
from dashboard.components.facet import facet
from dashboard.components.needs import need_cards
from dashboard.live import guarded, live, shared
from helios_core.views.alerts import SEVERITIES, Alert, list_alerts
from helios_core.views.needs import needs

NOW_OF_A_KIND = 50
PAGE_ROWS = 50
SPANS = {"1d": timedelta(days=1), "7d": timedelta(days=7)}
SPAN_NAMES = {"1d": "the last 24 hours", "7d": "the last 7 days"}
LONGEST_SPAN = timedelta(days=30)


@live
def now() -> None:
    """What needs somebody now, all of it."""
    found = shared(needs, NOW_OF_A_KIND)
    section("Now", formats.plural(len(found), "thing") if found else "")
    if found:
        need_cards(found)
    else:
        st.markdown(":green[●] Nothing needs you now.")


@live
def past(severity: str | None, span: str | None) -> None:
    """What was wrong, the newest first; each leads to where it was."""
    found, shown = _listed(severity, span), _pages(severity, span)
    if found:
        alert_list(found)
    else:
        st.markdown("Nothing was wrong in this time.")
    if len(found) == PAGE_ROWS * shown:
        st.button("Show older ones", icon=":material/history:", on_click=_more, args=(severity, span, shown + 1))


@st.fragment
@guarded
def acknowledge(severity: str | None, span: str | None) -> None:
    """The form beside the list: it stays as it is while the list is drawn anew."""
    acknowledge_form(_listed(severity, span))


def _listed(severity: str | None, span: str | None) -> tuple[Alert, ...]:
    began = datetime.now(UTC) - SPANS.get(span or "", LONGEST_SPAN)
    chosen = next((known for known in SEVERITIES if known == severity), None)
    return shared(list_alerts, began.replace(second=0, microsecond=0), chosen, PAGE_ROWS * _pages(severity, span))


def _pages(severity: str | None, span: str | None) -> int:
    pages: int = st.session_state.get("alert_pages", {}).get((severity, span), 1)
    return pages


def _more(severity: str | None, span: str | None, number: int) -> None:
    st.session_state["alert_pages"] = {(severity, span): number}


header("Alerts")
now()
with st.container(horizontal=True, gap="small"):
    wanted = facet("severity", "Severity", {name: name for name in SEVERITIES})
    wanted_span = facet("since", "Time", SPAN_NAMES)
with card("alerts", "Before", "what cards and delegations had in the last 30 days"):
    past(wanted, wanted_span)
    acknowledge(wanted, wanted_span)
