"""Settings: whether the installation is well, who uses it, what it keeps and for how long."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import formats
from dashboard.chrome import header
from dashboard.components.card import card
from dashboard.components.facts import Fact, facts
from dashboard.live import act, live, shared
from dashboard.render import date_and_time
from dashboard.theme import sign
from helios_core.services.conversations import remove_samples
from helios_core.settings import settings
from helios_core.views.settings import (
    CollectorState,
    DatabaseState,
    DiskState,
    database_state,
    disk_state,
    health,
    list_users,
    sample_count,
)


@live
def health_card() -> None:
    """The database, the collectors, the disk."""
    state = shared(health)
    database = shared(database_state)
    disk = disk_state(settings().data_dir)
    rows = [_database(database)]
    rows += [_collector(collector, datetime.now(UTC)) for collector in state.collectors]
    if not state.collectors:
        rows.append(Fact("Collector", "none has reported", "start `helios up`, or `helios collect`", sign("warning")))
    rows.append(_cards(state.gpu_count, state.simulated_gpu_count))
    if disk is not None:
        rows.append(_disk(disk))
    facts("health", rows)


def _database(state: DatabaseState) -> Fact:
    note = f"{formats.size(state.size_bytes)} · {formats.plural(state.connections, 'connection')}"
    return Fact("Database", f"PostgreSQL {state.version.split()[0]}", note, sign("ok"))


def _collector(state: CollectorState, now: datetime) -> Fact:
    every = f"every {formats.duration(state.interval_seconds)}"
    note = " · ".join(filter(None, [every, "simulated" if state.is_simulated else "", state.message]))
    return Fact(f"Collector {state.host}", f"read {formats.age(state.last_success_at, now)}", note, sign(state.status))


def _cards(number: int, simulated: int) -> Fact:
    if not number:
        return Fact("Cards", "none known", "a collector adds them at its first reading", sign("unknown"))
    note = f"{simulated} of them simulated" if simulated else "read by NVML"
    return Fact("Cards", formats.plural(number, "card"), note, sign("simulated" if simulated else "ok"))


def _disk(state: DiskState) -> Fact:
    free = f"{formats.size(state.free_bytes)} free of {formats.size(state.total_bytes)}"
    return Fact("Disk", free, state.folder, sign(state.status))


@live
def retention_card() -> None:
    """What is kept for how long, and how much room it takes."""
    hours = formats.duration(settings().sample_retention_hours * 3600)
    days = formats.duration(settings().rollup_retention_days * 86400)
    facts(
        "retention",
        [
            Fact("Single samples", hours, "HELIOS_SAMPLE_RETENTION_HOURS"),
            Fact("Hourly rollups", days, "HELIOS_ROLLUP_RETENTION_DAYS"),
            Fact("Conversations", "until removed", "nothing expires by itself"),
            *(Fact(name, formats.size(octets), "on disk") for name, octets in shared(database_state).largest_tables),
        ],
    )  # fmt: skip


@live
def users_card() -> None:
    """Who may use this installation."""
    rows = shared(list_users)
    facts(
        "users",
        [
            Fact(user.username, user.role, f"since {date_and_time(user.created_at)}",
                 sign("active") if user.is_active else sign("offline"))
            for user in rows
        ],
    )  # fmt: skip
    st.caption("Until there is a sign-in, Helios serves one local operator on this machine and listens nowhere else.")


def providers_card() -> None:
    """Which model servers are configured."""
    facts("providers", [Fact("Model servers", "none configured", "agents keep their models, and nothing runs yet",
                             sign("unknown"))])  # fmt: skip
    st.caption("Imported and sample conversations can be read all the same: `helios import FILE`.")


def samples_card() -> None:
    """The conversations that Helios came with."""
    number = shared(sample_count)
    if not number:
        st.markdown("No sample conversations are left.")
        st.caption("Bring your own with `helios import FILE`.")
        return
    st.markdown(f"{formats.plural(number, 'sample conversation')} came with Helios, to look around.")
    if st.button("Remove samples …", icon=":material/delete:"):
        confirm_removal(number)


@st.dialog("Remove the samples?")
def confirm_removal(number: int) -> None:
    """Ask once, then remove."""
    st.markdown(f"{formats.plural(number, 'conversation')} with all messages, delegations and answers will be gone.")
    with st.container(horizontal=True):
        if st.button("Remove", type="primary"):
            act(remove_samples)
            st.rerun()
        if st.button("Keep"):
            st.rerun()


header("Settings")
left, right = st.columns(2, gap="medium")
with left:
    with card("health", "Health"):
        health_card()
    with card("users", "Users"):
        users_card()
    with card("samples", "Samples"):
        samples_card()
with right:
    with card("providers", "Providers"):
        providers_card()
    with card("retention", "Kept, and for how long"):
        retention_card()
