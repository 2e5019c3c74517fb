"""Where the readings come from: the real cards, or simulated ones where there are none."""

from dataclasses import replace
from threading import Event

from helios_core.telemetry.faults import NO_CARDS, NO_DRIVER
from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.telemetry.readings import Sweep
from helios_core.telemetry.simulated import Promised, SimulatedCards

SIMULATED_ONLY = "Only simulated GPUs are shown, as HELIOS_SIMULATED_GPUS says."


class CardSource:
    """The cards of this host. `simulated_gpus` is the setting: always, never, or None: where no NVIDIA GPU answers."""

    def __init__(self, simulated_gpus: bool | None, probe: ProbeProcess, simulated: SimulatedCards) -> None:
        self._setting = simulated_gpus
        self._probe = probe
        self._simulated = simulated

    def sweep(self, stop: Event, *, knows_real_cards: bool | None, promised: Promised | None = None) -> Sweep:
        """Read every card.

        `knows_real_cards` tells whether the inventory holds a real card, of this host or another: then a driver that
        went away is a fault, and no reason to simulate. None: not known yet. `promised`: what simulated cards show.
        """
        if self._setting is True:
            return replace(self._simulated.sweep(promised), note=SIMULATED_ONLY)
        seen = self._probe.sweep(stop)
        if self._setting is False or seen.fault not in (NO_DRIVER, NO_CARDS) or knows_real_cards:
            return seen
        if knows_real_cards is None:
            return Sweep(seen.taken_at, note=seen.fault.message, is_complete=False)
        return replace(self._simulated.sweep(promised), note=f"{seen.fault.message} These GPUs are simulated.")

    def close(self) -> None:
        """End the probe."""
        self._probe.close()
