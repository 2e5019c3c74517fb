"""NVIDIA's management library, and the only place that knows it: what can be asked, and what its errors mean.

A call may hang, or take the process with it; so this runs in the probe, a child process, and nowhere else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pynvml

from helios_core.telemetry.faults import Fault, Scope, fault_of

MIB = 1 << 20

ARCHITECTURES = {
    getattr(pynvml, f"NVML_DEVICE_ARCH_{name.upper()}"): name
    for name in ("Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell", "Rubin")
}

Handle = Any
"""What NVML knows a card by; it dies with the session."""
Call = Any
"""A function of the binding, which has no types."""


class CallFailed(Exception):
    """NVML answered a call with an error."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message)


@contextmanager
def _errors_told() -> Iterator[None]:
    """Raise the binding's errors as ours."""
    try:
        yield
    except pynvml.NVMLError as error:
        raise CallFailed(fault_of(error.value)) from None
    except UnicodeDecodeError:
        raise CallFailed(Fault(Scope.SAMPLE, "the driver answered with bytes that are no text")) from None


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask of a card: the names of what the answer holds, and the ways to ask, the newest first."""

    values: tuple[str, ...]
    variants: tuple[Callable[[Handle], tuple[Any, ...]], ...]

    def ask(self, variant: int, handle: Handle) -> tuple[Any, ...]:
        """The answer in one of the ways to ask. Raises CallFailed."""
        with _errors_told():
            return self.variants[variant](handle)


def start() -> None:
    """Open a session with the driver. Raises CallFailed."""
    try:
        with _errors_told():
            pynvml.nvmlInit()
    except CallFailed as failure:
        if failure.fault != fault_of(pynvml.NVML_ERROR_ALREADY_INITIALIZED):
            raise


def count() -> int:
    """How many cards the driver lists. Raises CallFailed."""
    with _errors_told():
        return int(pynvml.nvmlDeviceGetCount())


def meet(index: int) -> tuple[Handle, str]:
    """The handle and the UUID of the card at `index`. Raises CallFailed."""
    with _errors_told():
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        return handle, _text(pynvml.nvmlDeviceGetUUID, handle)


def process_name(pid: int) -> str | None:
    """What a process is called; None where it has gone, or may not be asked."""
    try:
        return _text(pynvml.nvmlSystemGetProcessName, pid) or None
    except pynvml.NVMLError:
        return None


def versions() -> tuple[str | None, str | None]:
    """The version of the driver, and of the newest CUDA that it serves; None where it does not tell."""
    return _version(lambda: _text(pynvml.nvmlSystemGetDriverVersion)), _version(_cuda_version)


def _version(ask: Callable[[], str]) -> str | None:
    try:
        with _errors_told():
            return ask()
    except CallFailed:
        return None


def _cuda_version() -> str:
    """NVML counts 1000 x major + 10 x minor."""
    number = pynvml.nvmlSystemGetCudaDriverVersion_v2()
    return f"{number // 1000}.{number % 1000 // 10}"


def _text(function: Call, *arguments: object) -> str:
    """What a call answers in words. The binding's own decoding gives up on a byte that is no UTF-8."""
    answer: bytes = function.__wrapped__(*arguments)
    return answer.decode("utf-8", "replace").strip()


def _memory(handle: Handle) -> tuple[float, ...]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    return memory.used / MIB, memory.total / MIB, memory.reserved / MIB


def _older_memory(handle: Handle) -> tuple[float | None, ...]:
    """Version 1 counts what the driver reserves as used, and does not tell how much that is."""
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return memory.used / MIB, memory.total / MIB, None


def _utilization(handle: Handle) -> tuple[int, int]:
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
    return rates.gpu, rates.memory


def _capability(handle: Handle) -> tuple[str]:
    return (".".join(str(part) for part in pynvml.nvmlDeviceGetCudaComputeCapability(handle)),)


def _is_mig(handle: Handle) -> tuple[bool]:
    current, _after_reset = pynvml.nvmlDeviceGetMigMode(handle)
    return (current == pynvml.NVML_DEVICE_MIG_ENABLE,)


def _processes(function: Call) -> Callable[[Handle], tuple[list[tuple[int, int | None]]]]:
    return lambda handle: ([(process.pid, process.usedGpuMemory) for process in function(handle)],)


def _number(function: Call, *arguments: object, per: float = 1) -> Callable[[Handle], tuple[float]]:
    """A way to ask for one number that the driver counts in `1 / per` of our unit."""
    return lambda handle: (function(handle, *arguments) / per,)


MEMORY = Question(("memory_used_mb", "total_memory_mb", "reserved_memory_mb"), (_memory, _older_memory))

IDENTITY = (
    Question(("name",), (lambda handle: (_text(pynvml.nvmlDeviceGetName, handle),),)),
    MEMORY,
    Question(("power_limit_watts",), (_number(pynvml.nvmlDeviceGetEnforcedPowerLimit, per=1000),)),
    Question(("compute_capability",), (_capability,)),
    Question(("architecture",), (lambda handle: (ARCHITECTURES.get(pynvml.nvmlDeviceGetArchitecture(handle)),),)),
    Question(("pci_bus_id",), (lambda handle: (pynvml.nvmlDeviceGetPciInfo_v3(handle).busId,),)),
    *(
        Question((value,), (_number(pynvml.nvmlDeviceGetTemperatureThreshold, threshold),))
        for value, threshold in (
            ("shutdown_temperature_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN),
            ("slowdown_temperature_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
            ("max_temperature_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_GPU_MAX),
        )
    ),
    Question(("is_mig",), (_is_mig,)),
)

UTILIZATION = Question(("utilization_percent", "memory_controller_percent"), (_utilization,))

READING = (
    UTILIZATION,
    MEMORY,
    Question(
        ("temperature_celsius",),
        (
            _number(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU),
            _number(pynvml.nvmlDeviceGetTemperatureV, pynvml.NVML_TEMPERATURE_GPU),
        ),
    ),
    Question(("temperature_margin_celsius",), (_number(pynvml.nvmlDeviceGetMarginTemperature),)),
    Question(("power_watts",), (_number(pynvml.nvmlDeviceGetPowerUsage, per=1000),)),
    Question(("sm_clock_mhz",), (_number(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),)),
    Question(("memory_clock_mhz",), (_number(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM),)),
    Question(("performance_state",), (_number(pynvml.nvmlDeviceGetPerformanceState),)),
    Question(
        ("throttle_reasons",),
        (
            lambda handle: (pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),),
            lambda handle: (pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),),
        ),
    ),
    Question(("fan_percent",), (_number(pynvml.nvmlDeviceGetFanSpeed),)),
    Question(
        ("compute_processes",),
        (
            _processes(pynvml.nvmlDeviceGetComputeRunningProcesses_v3),
            _processes(pynvml.nvmlDeviceGetComputeRunningProcesses_v2),
        ),
    ),
    Question(
        ("graphics_processes",),
        (
            _processes(pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3),
            _processes(pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2),
        ),
    ),
)
