# ruff: noqa: N802, N815 (the functions are called as NVIDIA calls them)
"""A double of NVIDIA's library in pure Python: the real binding runs, and finds this where it looks for the driver.

Install it with `install(FakeNvml([...]))`. What a card says is in its fields; what a call does instead of answering is
decided by `FakeNvml.interfere`, which may return an error code, hang or crash.
"""

import ctypes
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pynvml

GIB = 1 << 30
MIB = 1 << 20
SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, INSUFFICIENT_SIZE, VERSION_MISMATCH = 0, 2, 3, 6, 7, 25
Pointer = Any
"""What the binding hands to a C function."""
Interference = Callable[[str, int | None], int]
"""Called with the name of a C function and the index of its card: the code that it returns, 0 to go on."""


@dataclass
class FakeCard:
    """What a card says."""

    uuid: bytes
    name: bytes = b"NVIDIA H100 80GB HBM3"
    total_bytes: int = 85_520_809_984
    used_bytes: int = 20_780_679_168
    reserved_bytes: int = 502_267_904
    numbers: dict[str, int] = field(
        default_factory=lambda: {
            "nvmlDeviceGetEnforcedPowerLimit": 700_000,
            "nvmlDeviceGetPowerUsage": 631_950,
            "nvmlDeviceGetTemperature": 59,
            "nvmlDeviceGetPerformanceState": 0,
            "nvmlDeviceGetCurrentClocksEventReasons": 0,
            "nvmlDeviceGetFanSpeed": 41,
            "nvmlDeviceGetArchitecture": 9,
        }
    )
    utilization: tuple[int, int] = (100, 11)
    thresholds: dict[int, int] = field(default_factory=lambda: {0: 97, 1: 92, 3: 87})
    margin: int = 26
    clocks: dict[int, int] = field(default_factory=lambda: {1: 1980, 2: 2619})
    capability: tuple[int, int] = (9, 0)
    bus_id: bytes = b"00000000:00:09.0"
    is_mig: bool = False
    compute: list[tuple[int, int | None]] = field(default_factory=list)
    graphics: list[tuple[int, int | None]] = field(default_factory=list)


class FakeNvml:
    """The library: its attributes are C functions, as far as Helios calls them."""

    def __init__(self, cards: list[FakeCard], interfere: Interference = lambda _call, _index: SUCCESS) -> None:
        self.cards = cards
        self.interfere = interfere
        self.calls: Counter[tuple[str, int | None]] = Counter()
        self.process_names: dict[int, bytes] = {}
        self.missing: set[str] = set()
        """C functions that this driver is too old to have."""

    def __getattr__(self, name: str) -> Callable[..., int]:
        if not name.startswith("nvml") or name in self.__dict__.get("missing", ()):
            raise AttributeError(name)
        answer = getattr(self, f"_{name}", None) or self._number(name)

        def function(*arguments: Pointer) -> int:
            index = self._index(arguments[0]) if name.startswith("nvmlDeviceGet") else None
            if name == "nvmlDeviceGetHandleByIndex_v2":
                index = arguments[0].value
            self.calls[name, index] += 1
            code = self.interfere(name, index)
            return code or answer(*arguments) or SUCCESS

        return function

    @staticmethod
    def _index(handle: Pointer) -> int | None:
        address = ctypes.cast(handle, ctypes.c_void_p).value if isinstance(handle, pynvml.c_nvmlDevice_t) else None
        return None if address is None else address - 1

    def _card(self, handle: Pointer) -> FakeCard:
        index = self._index(handle)
        assert index is not None
        return self.cards[index]

    def _number(self, name: str) -> Callable[..., int]:
        """A function that writes one number; a card without it does not support it."""

        def answer(handle: Pointer, out: Pointer) -> int:
            number = self._card(handle).numbers.get(name)
            if number is None:
                return NOT_SUPPORTED
            out._obj.value = number
            return SUCCESS

        return answer

    def _nvmlInitWithFlags(self, _flags: Pointer) -> None: ...

    def _nvmlShutdown(self) -> None: ...

    def _nvmlSystemGetDriverVersion(self, out: Pointer, _size: Pointer) -> None:
        out.value = b"590.48.01"

    def _nvmlSystemGetCudaDriverVersion_v2(self, out: Pointer) -> None:
        out._obj.value = 13010

    def _nvmlSystemGetProcessName(self, pid: Pointer, out: Pointer, _size: Pointer) -> int:
        if pid.value not in self.process_names:
            return NOT_FOUND
        out.value = self.process_names[pid.value]
        return SUCCESS

    def _nvmlDeviceGetCount_v2(self, out: Pointer) -> None:
        out._obj.value = len(self.cards)

    def _nvmlDeviceGetHandleByIndex_v2(self, index: Pointer, out: Pointer) -> int:
        if index.value >= len(self.cards):
            return INVALID_ARGUMENT
        ctypes.c_void_p.from_buffer(out._obj).value = index.value + 1
        return SUCCESS

    def _nvmlDeviceGetUUID(self, handle: Pointer, out: Pointer, _size: Pointer) -> None:
        out.value = self._card(handle).uuid

    def _nvmlDeviceGetName(self, handle: Pointer, out: Pointer, _size: Pointer) -> None:
        out.value = self._card(handle).name

    def _nvmlDeviceGetMemoryInfo_v2(self, handle: Pointer, out: Pointer) -> int:
        card, memory = self._card(handle), out._obj
        if memory.version != pynvml.nvmlMemory_v2:
            return VERSION_MISMATCH
        memory.total, memory.used, memory.reserved = card.total_bytes, card.used_bytes, card.reserved_bytes
        memory.free = max(0, card.total_bytes - card.used_bytes - card.reserved_bytes)
        return SUCCESS

    def _nvmlDeviceGetMemoryInfo(self, handle: Pointer, out: Pointer) -> None:
        card, memory = self._card(handle), out._obj
        memory.total, memory.used = card.total_bytes, card.used_bytes + card.reserved_bytes

    def _nvmlDeviceGetUtilizationRates(self, handle: Pointer, out: Pointer) -> int:
        card = self._card(handle)
        if card.is_mig:
            return NOT_SUPPORTED
        out._obj.gpu, out._obj.memory = card.utilization
        return SUCCESS

    def _nvmlDeviceGetTemperatureV(self, handle: Pointer, out: Pointer) -> None:
        out._obj.temperature = self._card(handle).numbers["nvmlDeviceGetTemperature"]

    def _nvmlDeviceGetTemperature(self, handle: Pointer, _sensor: Pointer, out: Pointer) -> None:
        out._obj.value = self._card(handle).numbers["nvmlDeviceGetTemperature"]

    def _nvmlDeviceGetTemperatureThreshold(self, handle: Pointer, threshold: Pointer, out: Pointer) -> int:
        limit = self._card(handle).thresholds.get(threshold.value)
        out._obj.value = limit or 0
        return NOT_SUPPORTED if limit is None else SUCCESS

    def _nvmlDeviceGetMarginTemperature(self, handle: Pointer, out: Pointer) -> None:
        out._obj.marginTemperature = self._card(handle).margin

    def _nvmlDeviceGetClockInfo(self, handle: Pointer, clock: Pointer, out: Pointer) -> None:
        out._obj.value = self._card(handle).clocks[clock.value]

    def _nvmlDeviceGetCudaComputeCapability(self, handle: Pointer, major: Pointer, minor: Pointer) -> None:
        major._obj.value, minor._obj.value = self._card(handle).capability

    def _nvmlDeviceGetPciInfo_v3(self, handle: Pointer, out: Pointer) -> None:
        out._obj.busId = self._card(handle).bus_id

    def _nvmlDeviceGetMigMode(self, handle: Pointer, current: Pointer, pending: Pointer) -> None:
        current._obj.value = pending._obj.value = int(self._card(handle).is_mig)

    def _nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: Pointer, out: Pointer) -> None:
        out._obj.value = self._card(handle).numbers["nvmlDeviceGetCurrentClocksEventReasons"]

    def _nvmlDeviceGetComputeRunningProcesses_v3(self, handle: Pointer, count: Pointer, out: Pointer) -> int:
        return _list_processes(self._card(handle).compute, count, out)

    _nvmlDeviceGetComputeRunningProcesses_v2 = _nvmlDeviceGetComputeRunningProcesses_v3

    def _nvmlDeviceGetGraphicsRunningProcesses_v3(self, handle: Pointer, count: Pointer, out: Pointer) -> int:
        return _list_processes(self._card(handle).graphics, count, out)

    _nvmlDeviceGetGraphicsRunningProcesses_v2 = _nvmlDeviceGetGraphicsRunningProcesses_v3


def _list_processes(processes: list[tuple[int, int | None]], count: Pointer, out: Pointer) -> int:
    """Write the list, or how long it is where there is no room yet."""
    room, count._obj.value = count._obj.value, len(processes)
    if len(processes) > room:
        return INSUFFICIENT_SIZE
    for number, (pid, used_bytes) in enumerate(processes):
        out[number].pid = pid
        out[number].usedGpuMemory = (1 << 64) - 1 if used_bytes is None else used_bytes
    return SUCCESS


def install(library: FakeNvml | None) -> None:
    """Let the binding find `library`; None lets it look for a real one again."""
    pynvml._nvmlGetFunctionPointer_cache.clear()
    pynvml.nvmlLib = library
