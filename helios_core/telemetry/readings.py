"""What a probe sees: cards, their readings, and the state of the host.

Fields that a table stores are called as its columns are: memory is in MiB (the schema writes `_mb`), power in watts,
temperature in degrees Celsius, clocks in MHz, shares in percent. Unknown is None, never 0.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from helios_core.telemetry.faults import Fault, Scope


class ThrottleReason(StrEnum):
    """Why a card's clocks are where they are."""

    IDLE = "idle"
    APPLICATION_CLOCKS = "application clocks"
    POWER_CAP = "power limit"
    HARDWARE_SLOWDOWN = "hardware slowdown"
    SYNC_BOOST = "sync boost"
    THERMAL = "thermal slowdown by software"
    HARDWARE_THERMAL = "thermal slowdown by hardware"
    POWER_BRAKE = "power brake"
    DISPLAY_CLOCKS = "display clocks"
    BOARD_LIMIT = "board limit"
    RELIABILITY = "reliability limit"


THROTTLE_BITS: dict[int, ThrottleReason] = {1 << bit: reason for bit, reason in enumerate(ThrottleReason)}
"""NVML's bit mask of clock event reasons, in its order."""


def throttle_reasons(mask: int) -> tuple[ThrottleReason, ...]:
    """The reasons that are set in `mask`."""
    return tuple(reason for bit, reason in THROTTLE_BITS.items() if mask & bit)


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What a card is; it changes with a driver or an operator's setting at most."""

    uuid: str
    index: int
    name: str
    total_memory_mb: int | None = None
    reserved_memory_mb: int | None = None
    power_limit_watts: float | None = None
    compute_capability: str | None = None
    architecture: str | None = None
    pci_bus_id: str | None = None
    driver_version: str | None = None
    cuda_version: str | None = None
    slowdown_temperature_celsius: int | None = None
    shutdown_temperature_celsius: int | None = None
    max_temperature_celsius: int | None = None
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """A process on a card; its memory is None where the driver does not tell, as in many containers."""

    pid: int
    name: str | None
    memory_used_mb: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a card said at one moment.

    `unsupported` names each value that the card never reports, `gaps` each one that is missing this time; both map
    it to why. `fault` is what is wrong with the card as a whole.
    """

    utilization_percent: int | None = None
    memory_controller_percent: int | None = None
    memory_used_mb: int | None = None
    temperature_celsius: int | None = None
    temperature_margin_celsius: int | None = None
    """How far the card is below the temperature at which it slows down, where it tells no threshold."""
    power_watts: float | None = None
    sm_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    fan_percent: int | None = None
    performance_state: int | None = None
    throttle_reasons: int | None = None
    processes: tuple[ProcessReading, ...] | None = None
    unsupported: dict[str, str] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None


VALUES = (
    "utilization_percent",
    "memory_controller_percent",
    "memory_used_mb",
    "temperature_celsius",
    "power_watts",
    "sm_clock_mhz",
    "memory_clock_mhz",
    "fan_percent",
    "performance_state",
    "throttle_reasons",
)
"""The values of a reading that become a sample, under the names of its columns."""


@dataclass(frozen=True, slots=True)
class CardReading:
    """One card in one sweep."""

    identity: DeviceIdentity
    reading: Reading

    @property
    def is_answered(self) -> bool:
        """Whether the card gave any value at all."""
        return any(getattr(self.reading, value) is not None for value in VALUES)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One round over all cards of a host, begun at `taken_at`: seconds on this process's monotonic clock.

    `fault` is what is wrong with the host as a whole; its cards are unknown then. `note` speaks of cards that could
    not even be identified. Of a sweep that is not complete nothing follows for cards which it does not name.
    """

    taken_at: float
    cards: tuple[CardReading, ...] = ()
    fault: Fault | None = None
    note: str | None = None
    is_complete: bool = True


def card_to_wire(card: CardReading) -> dict[str, Any]:
    """`card` as JSON knows it."""
    return asdict(card)


def card_from_wire(wire: dict[str, Any]) -> CardReading:
    """The card that `card_to_wire` wrote."""
    reading = dict(wire["reading"])
    processes = reading["processes"]
    reading["processes"] = None if processes is None else tuple(ProcessReading(**process) for process in processes)
    reading["fault"] = fault_from_wire(reading["fault"])
    return CardReading(DeviceIdentity(**wire["identity"]), Reading(**reading))


def fault_from_wire(wire: dict[str, str] | None) -> Fault | None:
    """The fault that was written as JSON, if one was."""
    return None if wire is None else Fault(Scope(wire["scope"]), wire["message"])
