"""How long data is kept, what would go by that, and its end."""

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.components.facts import Fact, facts
from dashboard.live import act, guarded, shared, trouble, views
from dashboard.render import date_and_time
from dashboard.workspace import allows, workspace
from helios_core.errors import HeliosError
from helios_core.services.permissions import Action
from helios_core.services.retention import KEEP_DAYS_MAX, Expired, batches, keep, preview, would_expire
from helios_core.settings import settings
from helios_core.views.retention import Kept, list_kept

TITLES = {
    "conversations": "Conversations",
    "blackboard_events": "Blackboard events",
    "gpu_events": "Events of cards",
}
WHAT_GOES = {
    "conversations": "ended ones, with all messages, delegations, answers and syntheses",
    "blackboard_events": "what agents announced to each other",
    "gpu_events": "slow clocks, lost cards, and the like",
}
DEFAULT_DAYS = 365


def settings_retention() -> None:
    """The classes of data, and what has expired."""
    left, right = st.columns(2, gap="medium")
    with left:
        for kept in shared(list_kept):
            with card(f"keep_{kept.data_class}", TITLES[kept.data_class], WHAT_GOES[kept.data_class]):
                one_class(kept)
    with right:
        with card("expired", "Expired, and still here"):
            expired()
        with card("samples_kept", "Samples of cards"):
            hours = formats.duration(settings().sample_retention_hours * 3600)
            days = formats.duration(settings().rollup_retention_days * 86400)
            facts(
                "samples_kept",
                [
                    Fact("Single samples", hours, "HELIOS_SAMPLE_RETENTION_HOURS"),
                    Fact("Hourly rollups", days, "HELIOS_ROLLUP_RETENTION_DAYS"),
                ],
            )
            st.caption("The collector ends them by itself. The audit is never deleted.")


@st.fragment
@guarded
def one_class(kept: Kept) -> None:
    """How long one class is kept; with another number of days, what would go is told before it is saved."""
    since = f" :gray[since {date_and_time(kept.since)}]" if kept.since else ""
    st.markdown(f"kept **{_days(kept.keep_days)}**{since}")
    if not allows(Action.EDIT_RETENTION):
        return
    wanted = _wanted(kept)
    if wanted == kept.keep_days:
        return
    if wanted is not None:
        st.markdown(f":blue[{_told(shared(would_expire, kept.data_class, wanted))}]")
    reason = st.text_input("Reason", placeholder="Why, for those who come later", key=f"reason_{kept.data_class}")
    if st.button(f"Keep {_days(wanted)}", type="primary", key=f"keep_{kept.data_class}_save"):
        try:
            act(keep, kept.data_class, wanted, reason or None, seen={"keep_days": kept.keep_days})
        except HeliosError as error:
            trouble(error)
        else:
            st.rerun()
    st.caption("Saving deletes nothing. What has expired goes when somebody deletes it, at the right.")


def _wanted(kept: Kept) -> int | None:
    """How many days the viewer would keep it; None is for ever."""
    title = TITLES[kept.data_class].lower()
    with st.container(horizontal=True, vertical_alignment="center", height=52, border=False):
        state = f"{kept.data_class}_{kept.keep_days}"
        if st.toggle(f"Keep {title} for ever", kept.keep_days is None, key=f"for_ever_{state}"):
            return None
        days = st.number_input(
            f"Days to keep {title}", 1, KEEP_DAYS_MAX, kept.keep_days or DEFAULT_DAYS, label_visibility="collapsed",
            key=f"days_{state}", width=160,
        )  # fmt: skip
        st.markdown("days")
    return int(days)


def _days(number: int | None) -> str:
    return "for ever" if number is None else formats.plural(number, "day")


def _told(expired: Expired) -> str:
    if not expired.row_count:
        return f"Nothing is older than {_days(expired.keep_days)}."
    return f"{_what(expired)} would have expired: {_extent(expired)}."


def _what(expired: Expired) -> str:
    return f"{expired.row_count:,} {TITLES[expired.data_class].lower()}"


def _extent(expired: Expired) -> str:
    return f"the oldest of {date_and_time(expired.oldest_at)}, {formats.size(expired.size_bytes)} with their parts"


# The end


@st.fragment
@guarded
def expired() -> None:
    """What has expired by the rules that hold, and a button that ends it."""
    if not allows(Action.DELETE_EXPIRED):
        st.caption("Operators see here what has expired, and delete it.")
        return
    found = shared(preview)
    if not found:
        st.markdown("Nothing expires: every class is kept for ever.")
        return
    facts(
        "expired",
        [
            Fact(TITLES[row.data_class], f"{row.row_count:,}",
                 _extent(row) if row.row_count else f"none older than {_days(row.keep_days)}")
            for row in found
        ],
    )  # fmt: skip
    rows = sum(row.row_count for row in found)
    if st.button("Delete what has expired …", icon=":material/delete:", disabled=not rows):
        confirm(tuple(row for row in found if row.row_count))


@st.dialog("Delete what has expired?", width="medium")
def confirm(shown: tuple[Expired, ...]) -> None:
    """Show once more what goes, ask, and tell how far it is."""
    for row in shown:
        st.markdown(f"**{_what(row)}**, {WHAT_GOES[row.data_class]}: {_extent(row)}.")
    st.markdown("This cannot be undone. `helios db backup` keeps a copy of everything.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary"):
            _delete(shown)
        if st.button("Keep"):
            st.rerun()


def _delete(shown: tuple[Expired, ...]) -> None:
    total, gone = sum(row.row_count for row in shown), 0
    bar = st.progress(0.0, f"0 of {total:,}")
    try:
        for _, count in batches(workspace(), shown):
            gone += count
            bar.progress(min(1.0, gone / total), f"{gone:,} of {total:,}")
    except HeliosError as error:
        trouble(error)
        return
    finally:
        views.forget()
    st.rerun()
