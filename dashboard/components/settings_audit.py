"""The audit: who changed what, when and why, narrowed by the URL."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.components.audit_list import SUBJECTS, audit_list
from dashboard.components.card import card
from dashboard.components.facet import facet
from dashboard.live import live, shared
from dashboard.older import pages
from helios_core.views.audit import AuditFilter, list_changes
from helios_core.views.users import list_accounts

SPANS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SPAN_NAMES = {"1d": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}
PAGE_ROWS = 50


def settings_audit() -> None:
    """The filters, and what they leave."""
    names = {str(account.id): account.username for account in shared(list_accounts).rows}
    with st.container(horizontal=True, gap="small"):
        subject = facet("subject", "Kind", SUBJECTS)
        actor = facet("by", "Actor", names)
        span = facet("since", "Time", SPAN_NAMES)
    with card("audit", "Audit", "newest first; nobody can change or delete it"):
        changes(subject, actor, span, st.query_params.get("subject_id"))


@live
def changes(subject: str | None, actor: str | None, span: str | None, subject_id: str | None) -> None:
    """The changes that match, and a button for older ones."""
    which = AuditFilter(
        subject=subject,
        subject_id=subject_id,
        actor_id=int(actor) if actor is not None and actor.isdecimal() else None,
        since=_beginning(span),
    )
    wanted = (subject, actor, span, subject_id)
    shown = st.session_state.get("audit_pages", {}).get(wanted, 1)
    rows, older = pages(list_changes, which, shown, PAGE_ROWS)
    if rows:
        audit_list(rows)
    elif wanted == (None, None, None, None):
        st.info("Nothing was changed yet. Each change of Helios's own tables will be listed here.")
    else:
        st.info("No change matches. Take a filter away.", icon=":material/search_off:")
    if older is not None:
        st.button("Show older ones", icon=":material/history:", on_click=_show_more, args=(wanted, shown + 1))


def _beginning(span: str | None) -> datetime | None:
    """When the span began, to the minute: viewers of the same minute share one reading."""
    if span not in SPANS:
        return None
    return (datetime.now(UTC) - SPANS[span]).replace(second=0, microsecond=0)


def _show_more(wanted: tuple[str | None, ...], number: int) -> None:
    """Let the list have `number` pages."""
    st.session_state["audit_pages"] = {wanted: number}
