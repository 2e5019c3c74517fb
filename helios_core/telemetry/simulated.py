"""Three simulated cards for a host without a GPU: lively, the same at the same time, and always said to be simulated.

Everything is a function of the time in seconds, so two processes that simulate show the same. Load drives power,
power drives temperature with a delay, temperature drives clocks; the second card works harder and runs close to the
temperature at which it slows down.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, pi, sin
from random import Random
from time import monotonic, time

from helios_core.telemetry.readings import (
    CardReading,
    DeviceIdentity,
    ProcessReading,
    Reading,
    Sweep,
    ThrottleReason,
)

NAME = "RTX Titan X"
TOTAL_MIB = 12_288
POWER_LIMIT_WATTS = 250.0
IDLE_WATTS = 16.0
SLOWDOWN_CELSIUS = 92
SHUTDOWN_CELSIUS = 97
MAX_CELSIUS = 91
ROOM_CELSIUS = 27.0
TOP_CLOCK_MHZ = 1_531
IDLE_CLOCK_MHZ = 139
MEMORY_CLOCK_MHZ = 5_005
DRIVER_MIB = 214
"""What the driver itself takes of a card."""
SHIFT_SECONDS = 1_200
"""How long a set of models stays loaded."""
WARMING_SECONDS = 45.0
"""How slowly the temperature follows the power."""
BIT = {reason: 1 << number for number, reason in enumerate(ThrottleReason)}

MODELS = (("llama3.1:8b", 6_500), ("qwen2.5:7b", 5_280), ("llama3.2:3b", 3_135), ("nomic-embed-text", 620))
"""What the simulated servers load, and what it takes in MiB."""


Promised = Mapping[int, Mapping[str, int]]
"""By a card's index: the models that agents were promised there, and so many MiB."""


@dataclass(frozen=True, slots=True)
class Temperament:
    """How hard a card works on average and by how much that swings (0 to 1), over which period, and how warm it gets.

    `celsius_per_watt` is how far it stays above the room for each watt that it draws for long.
    """

    load: float
    swing: float
    period_seconds: float
    celsius_per_watt: float


TEMPERAMENTS = (
    Temperament(load=0.42, swing=0.30, period_seconds=410, celsius_per_watt=0.215),
    Temperament(load=0.58, swing=0.30, period_seconds=290, celsius_per_watt=0.245),
    Temperament(load=0.16, swing=0.20, period_seconds=530, celsius_per_watt=0.205),
)


class SimulatedCards:
    """The simulated cards, one set for all hosts; `clock` gives the time in seconds."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._identities = tuple(identity(index) for index in range(len(TEMPERAMENTS)))

    def sweep(self, promised: Promised | None = None) -> Sweep:
        """Every card as it is now, with the models that agents were promised there; nobody anywhere: with its own."""
        now = self._clock()
        cards = (CardReading(identity, reading(identity.index, now, promised)) for identity in self._identities)
        return Sweep(monotonic(), tuple(cards))


def identity(index: int) -> DeviceIdentity:
    """What a simulated card is."""
    return DeviceIdentity(
        uuid=f"SIM-00000000-0000-4000-8000-{index:012}",
        index=index,
        name=NAME,
        total_memory_mb=TOTAL_MIB,
        reserved_memory_mb=76,
        power_limit_watts=POWER_LIMIT_WATTS,
        compute_capability="5.2",
        architecture="Maxwell",
        pci_bus_id=None,
        slowdown_temperature_celsius=SLOWDOWN_CELSIUS,
        shutdown_temperature_celsius=SHUTDOWN_CELSIUS,
        max_temperature_celsius=MAX_CELSIUS,
        is_simulated=True,
    )


def reading(index: int, now: float, promised: Promised | None = None) -> Reading:
    """What the card at `index` measures at `now`, in seconds."""
    at_work = load(index, now)
    celsius = temperature_celsius(index, now)
    is_hot = celsius >= SLOWDOWN_CELSIUS - 4
    processes = processes_at(index, now) if promised is None else processes_of(index, now, promised.get(index, {}))
    used_mib = DRIVER_MIB + sum(process.memory_used_mb or 0 for process in processes)
    return Reading(
        utilization_percent=round(100 * at_work),
        memory_controller_percent=round(46 * at_work),
        memory_used_mb=used_mib,
        temperature_celsius=round(celsius),
        power_watts=round(power_watts(at_work), 1),
        sm_clock_mhz=clock_mhz(at_work, is_hot=is_hot),
        memory_clock_mhz=MEMORY_CLOCK_MHZ if at_work > 0.02 else 405,
        fan_percent=min(100, max(22, round(22 + 1.6 * (celsius - 45)))),
        performance_state=2 if at_work > 0.02 else 8,
        throttle_reasons=throttle_mask(at_work, is_hot=is_hot),
        processes=processes,
    )


def load(index: int, now: float) -> float:
    """How hard the card works, 0 to 1: two waves, a burst now and then, and a little noise."""
    temperament = TEMPERAMENTS[index]
    phase = 2 * pi * (now / temperament.period_seconds + index / 3)
    waves = temperament.swing * (0.7 * sin(phase) + 0.3 * sin(5.3 * phase))
    burst = 0.35 if chance(index, "burst", now // 30) < temperament.load / 3 else 0.0
    pause = 1.0 if chance(index, "pause", now // 40) > 0.25 * (1 - temperament.load) else 0.03
    noise = 0.08 * (chance(index, "noise", now // 1) - 0.5)
    return min(1.0, max(0.0, (temperament.load + waves + burst + noise) * pause))


def chance(index: int, name: str, slot: float) -> float:
    """A number from 0 to 1 that is the same whenever it is asked for the same slot of time."""
    digest = hashlib.blake2b(f"{name}/{index}/{slot:.0f}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / (1 << 32)


def power_watts(at_work: float) -> float:
    """The draw at a load of 0 to 1; nearly full power is reached before full load."""
    rest = 1 - at_work
    return IDLE_WATTS + (POWER_LIMIT_WATTS - IDLE_WATTS) * (1 - rest * rest)


def temperature_celsius(index: int, now: float) -> float:
    """The temperature: the draw of the last minutes, the latest weighing most, as in a first-order lag."""
    steps = range(12)
    lag_seconds = WARMING_SECONDS / 3
    weights = [exp(-step / 3) for step in steps]
    draws = [power_watts(load(index, (now // 5 * 5) - step * lag_seconds)) for step in steps]
    mean_watts = sum(weight * draw for weight, draw in zip(weights, draws, strict=True)) / sum(weights)
    return min(SLOWDOWN_CELSIUS + 1.0, ROOM_CELSIUS + TEMPERAMENTS[index].celsius_per_watt * mean_watts)


def clock_mhz(at_work: float, *, is_hot: bool) -> int:
    """The clock of the processors: low when idle, lower than full when hot."""
    if at_work <= 0.02:
        return IDLE_CLOCK_MHZ
    return round(TOP_CLOCK_MHZ * (0.82 if is_hot else 1.0) * (0.9 + 0.1 * at_work))


def throttle_mask(at_work: float, *, is_hot: bool) -> int:
    """Why the clocks are as they are."""
    mask = BIT[ThrottleReason.IDLE] if at_work <= 0.02 else 0
    mask |= BIT[ThrottleReason.POWER_CAP] if at_work >= 0.97 else 0
    return mask | (BIT[ThrottleReason.THERMAL] if is_hot else 0)


def processes_at(index: int, now: float) -> tuple[ProcessReading, ...]:
    """The model servers on the card: one set of models for a while, then another that fits."""
    shift = int(now // SHIFT_SECONDS)
    order = Random(f"{index}/{shift}").sample(range(len(MODELS)), len(MODELS))  # noqa: S311
    processes: list[ProcessReading] = []
    free_mib = TOTAL_MIB - DRIVER_MIB - 512
    for number in order[: 1 + index % 2 + shift % 2]:
        model, needed_mib = MODELS[number]
        if needed_mib <= free_mib:
            free_mib -= needed_mib
            pid = 40_000 + 100 * index + number
            processes.append(ProcessReading(pid, f"ollama runner {model} (simulated)", needed_mib))
    return tuple(sorted(processes, key=lambda process: process.pid))


def processes_of(index: int, now: float, models: Mapping[str, int]) -> tuple[ProcessReading, ...]:
    """The model servers on the card, one for each model that was promised there: they use most of it, never more."""
    free_mib = TOTAL_MIB - DRIVER_MIB
    processes: list[ProcessReading] = []
    for number, (model, promised_mib) in enumerate(sorted(models.items())):
        used_mib = min(free_mib, round(promised_mib * (0.9 + 0.08 * chance(index, model, now // 60))))
        free_mib -= used_mib
        processes.append(ProcessReading(40_000 + 100 * index + number, f"ollama runner {model} (simulated)", used_mib))
    return tuple(processes)
