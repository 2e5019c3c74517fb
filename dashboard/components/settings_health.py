"""Whether the installation is well: its database, its collectors, its cards, its disk; and the samples it came with."""

from datetime import UTC, datetime

import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.components.facts import Fact, facts
from dashboard.live import act, guarded, live, shared
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
    sample_count,
)


def settings_health() -> None:
    """The state of the parts, and the room that they take."""
    left, right = st.columns(2, gap="medium")
    with left, card("health", "Health"):
        health_card()
    with right:
        with card("room", "Room taken"):
            room_card()
        with card("samples", "Samples"):
            samples_card()


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
def room_card() -> None:
    """The largest tables."""
    largest = shared(database_state).largest_tables
    facts("room", [Fact(formats.words(name), formats.size(octets), "on disk") for name, octets in largest])


@st.fragment
@guarded
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
