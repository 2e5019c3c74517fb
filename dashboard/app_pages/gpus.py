"""GPUs: every card at a glance, and one of them in depth: its lines, its limits, who uses it, what it cannot report."""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.chrome import header
from dashboard.components.card import card as surface
from dashboard.components.card import section
from dashboard.components.facts import Fact, facts
from dashboard.components.figures import Figure, figures
from dashboard.components.gpu_charts import card_chart
from dashboard.components.gpu_memory import ModelShare, model_colours, model_shares
from dashboard.components.gpu_rows import card_sign, gpu_rows
from dashboard.components.time_chart import chart_data, time_chart
from dashboard.live import built, chosen_range, live, shared
from dashboard.render import plain, zone
from dashboard.theme import MARKDOWN_COLOUR, sign
from helios_core.views.fleet import Fleet, fleet
from helios_core.views.gpus import GpuCard, Process

POINTS = 400
"""Points a line: what a chart of its width can show, and small enough to send every second."""
NAMES = {
    "utilization_percent": "utilisation",
    "memory_controller_percent": "memory controller",
    "memory_used_mb": "memory",
    "temperature_celsius": "temperature",
    "power_watts": "power",
    "sm_clock_mhz": "SM clock",
    "memory_clock_mhz": "memory clock",
    "fan_percent": "fan",
    "performance_state": "performance state",
    "throttle_reasons": "reasons of slow clocks",
}


@live
def rows() -> None:
    """All cards, the selected one marked."""
    found = shared(fleet, chosen_range(), POINTS)
    if found.cards:
        gpu_rows(found, selected=selected(found).id)
    else:
        st.markdown("No card is known yet.")
        st.caption(
            "The collector adds cards at its first reading: `helios up` starts one, and so does `helios collect`."
        )


def selected(found: Fleet) -> GpuCard:
    """The card that the address names, or the first one."""
    wanted = st.query_params.get("gpu", "")
    return next((card for card in found.cards if str(card.id) == wanted), found.cards[0])


@live
def in_depth() -> None:
    """Everything about the selected card."""
    found = shared(fleet, chosen_range(), POINTS)
    if not found.cards:
        return
    card = selected(found)
    identity(card)
    figures("gpu_figures", _figures(card, found))
    left, right = st.columns([2.1, 1], gap="medium")
    with left, surface("lines", f"GPU {card.id} over time", f"the last {formats.duration(found.end - found.start)}"):
        time_chart("lines", built(_lines, card.id, zone().key))
    with right:
        who_uses_it(card, found)
        what_it_is(card)


def _lines(gpu_id: int, _zone: str) -> dict[str, Any]:
    found = shared(fleet, chosen_range(), POINTS)
    card = next(card for card in found.cards if card.id == gpu_id)
    return chart_data(f"gpu {gpu_id}", card_chart(card, found), zone())


def identity(card: GpuCard) -> None:
    """Which card this is, how it fares, how old that is, and what is wrong with it."""
    marks = [card_sign(card).markdown, f"read {formats.age(card.sampled_at, datetime.now(UTC))}"]
    if card.is_simulated:
        marks.append(sign("simulated").markdown)
    section(f"GPU {card.id}", f"{plain(card.name)} on {plain(card.host)} · {' · '.join(marks)}")
    if card.health_message:
        state = card_sign(card)
        st.markdown(f":{MARKDOWN_COLOUR[state.tone]}[{state.icon}] {plain(card.health_message)}")


def _figures(card: GpuCard, found: Fleet) -> list[Figure]:
    energy = found.energy[card.id]
    headroom = card.temperature_headroom_celsius
    return [
        Figure("utilisation", formats.percent(card.utilization_percent), _held(card)),
        Figure("memory", formats.memory(card.memory_used_mib), f"of {formats.memory(card.total_memory_mib)}"),
        Figure("temperature", formats.celsius(card.temperature_celsius),
               "no limit known" if headroom is None else f"{formats.celsius(headroom)} below slowing down"),
        Figure("power", formats.watts(card.power_watts), f"of {formats.watts(card.power_limit_watts)}"),
        Figure("SM clock", formats.megahertz(card.sm_clock_mhz), f"memory {formats.megahertz(card.memory_clock_mhz)}"),
        Figure("energy", formats.watt_hours(energy.watt_hours if energy.measured_seconds else None),
               f"{formats.share(energy.coverage)} of the range measured"),
    ]  # fmt: skip


def _held(card: GpuCard) -> str:
    """What holds the clocks, in words."""
    if card.throttled_by is None:
        return "clocks: n/a"
    return f"clocks: {', '.join(card.throttled_by) or 'free'}"


def who_uses_it(card: GpuCard, found: Fleet) -> None:
    """Models with their agents, promised against measured; then the processes."""
    shares = model_shares(card, model_colours(found.cards))
    with surface(
        "promises", "Promised", f"{formats.memory(card.promised_mib)} of {formats.memory(card.total_memory_mib)}"
    ):
        facts("promises", [
            Fact(share.model, formats.memory(share.promised_mib),
                 f"measured {formats.memory(share.measured_mib)} · {', '.join(share.agents)}")
            for share in shares
        ])  # fmt: skip
        if not shares:
            st.caption("Nothing is promised of this card. Give an agent this GPU under Agents.")
    with surface("processes", "Processes", formats.plural(len(card.processes), "process", "processes")):
        facts("processes", [_process(process, shares) for process in card.processes])
        if not card.processes:
            st.caption("No process runs on it, or the driver does not tell.")


def _process(process: Process, shares: list[ModelShare]) -> Fact:
    """A process, and the model and agents that it serves where its name tells the model."""
    name = process.name or "no name"
    served = [f" → {share.model} → {', '.join(share.agents)}" for share in shares if share.model in name]
    return Fact(f"pid {process.pid}", formats.memory(process.memory_used_mib), f"{name}{''.join(served)}")


def what_it_is(card: GpuCard) -> None:
    """The card's own facts, and what it cannot report."""
    known = {
        "UUID": card.uuid, "PCI": card.pci_bus_id, "architecture": card.architecture,
        "compute capability": card.compute_capability, "driver": card.driver_version, "CUDA": card.cuda_version,
        "slows down at": formats.celsius(card.slowdown_temperature_celsius),
        "shuts down at": formats.celsius(card.shutdown_temperature_celsius),
    }  # fmt: skip
    with surface("card", "The card"):
        facts("card", [Fact(label, value or formats.NA) for label, value in known.items()])
    if card.unsupported:
        with surface("unsupported", "Not reported by this GPU"):
            facts("unsupported", [
                Fact(NAMES.get(name, formats.words(name)), "n/a", why) for name, why in sorted(card.unsupported.items())
            ])  # fmt: skip


header("GPUs", ranges=True)
rows()
in_depth()
