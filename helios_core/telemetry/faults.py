"""What an NVML error code means for the reader: how far it reaches, and one sentence."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """How far a fault reaches. What lies outside its scope goes on as if nothing had happened."""

    METRIC = "metric"
    """This card never reports this value: it is not asked again."""
    SAMPLE = "sample"
    """The value is missing this time: a gap in the line."""
    PROCESS = "process"
    """The process, or what was asked for, is gone, which is normal."""
    DEVICE = "device"
    """The card needs help: it takes nothing new."""
    LOST = "lost"
    """The card no longer answers at all."""
    HOST = "host"
    """The driver does not answer for any card; running agents are not touched."""
    OURS = "ours"
    """We asked wrongly, or have to initialise NVML again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong, and the sentence that says so."""

    scope: Scope
    message: str


NOT_REPORTED = "not reported by this GPU"
NOT_REPORTED_IN_MIG_MODE = "not reported while this GPU is split by MIG"
NO_ANSWER_NOW = "no answer at the last reading"

NO_DRIVER = Fault(
    Scope.HOST,
    "No NVIDIA driver is installed or loaded on this host. Install it to see real GPUs; everything else works.",
)
NO_CARDS = Fault(Scope.HOST, "The NVIDIA driver is loaded, and reports no GPU on this host.")
MISMATCH = Fault(
    Scope.HOST, "The NVIDIA driver was upgraded under us. Reboot this host to read its GPUs; running agents continue."
)
BLOCKED = Fault(
    Scope.HOST,
    "The driver refuses to answer: a container has probably lost its GPU devices. Restart the container; "
    "running agents continue.",
)
PROBE_STUCK = Fault(
    Scope.HOST, "The NVIDIA driver does not answer: reading it stops our probe. It is asked again in a minute."
)
FORGOTTEN = Fault(Scope.OURS, "NVML has to be initialised again")
LOST = Fault(Scope.LOST, "This GPU has fallen off the bus and no longer answers. Reboot the host to bring it back.")
MISSING = Fault(Scope.LOST, "The driver no longer lists this GPU. Check its power and seating, then reboot the host.")
STOPS_PROBE = Fault(
    Scope.DEVICE,
    "Reading this GPU hangs or crashes the driver, so it is skipped for a while and the others go on. "
    "Reboot the host if this stays.",
)


def _metric() -> Fault:
    return Fault(Scope.METRIC, NOT_REPORTED)


def _sample(message: str) -> Fault:
    return Fault(Scope.SAMPLE, message)


FAULTS: dict[int, Fault] = {
    1: FORGOTTEN,
    2: Fault(Scope.OURS, "the driver did not understand the question"),
    3: _metric(),
    4: BLOCKED,
    5: Fault(Scope.OURS, "NVML was initialised already"),
    6: Fault(Scope.PROCESS, NO_ANSWER_NOW),
    7: _sample(NO_ANSWER_NOW),
    8: Fault(Scope.DEVICE, "The power cables of this GPU are not properly attached. Check them and reboot the host."),
    9: NO_DRIVER,
    10: _sample("the driver did not answer in time"),
    11: Fault(Scope.DEVICE, "The interrupt line of this GPU is broken. Reboot the host; check the slot if this stays."),
    12: NO_DRIVER,
    13: _metric(),
    14: Fault(Scope.DEVICE, "The configuration memory (infoROM) of this GPU is damaged. Have the card replaced."),
    15: LOST,
    16: Fault(Scope.DEVICE, "This GPU has to be reset. Stop what runs on it, then run nvidia-smi --gpu-reset."),
    17: BLOCKED,
    18: MISMATCH,
    19: _sample("the GPU is busy with another request"),
    20: _sample("the driver had too little memory to answer"),
    21: _sample("the GPU has no value yet"),
    22: _metric(),
    23: _sample("the driver had too few resources to answer"),
    24: _metric(),
    25: _metric(),
    26: _metric(),
    27: _sample("the GPU is not ready yet"),
    28: MISSING,
    29: Fault(Scope.DEVICE, "This GPU is in a state in which it cannot be read. Reset it or reboot the host."),
    30: Fault(Scope.DEVICE, "This GPU cannot be reset while it runs. Reboot the host."),
    999: BLOCKED,
}
"""Every code of nvidia-ml-py 13.615, but 0, which is success."""


def fault_of(code: int) -> Fault:
    """The fault of an NVML code; one that a newer driver invents leaves a gap."""
    return FAULTS.get(code) or _sample(f"the driver answered with the unknown error {code}")
