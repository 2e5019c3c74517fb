"""The fleet: hosts and their GPUs, as they were read. What is promised of them is in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

UNLIMITED = 2**40
"""What a host has of a resource that it does not state, in the resource's own unit."""

NOTHING_NEW = {"lost", "critical"}
"""The healths that take nothing new."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine: its CPU in thousandths of a core and its memory in MiB; None where it does not state them."""

    name: str
    cpu_milli: int | None = None
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card. Memory in MiB, compute in thousandths of a card; a reading that there is not is None."""

    gpu_id: int
    host: str = ""
    total_memory_mib: int = 0
    reserved_memory_mib: int = 0
    measured_memory_mib: int | None = None
    compute_milli: int = 1000
    gpu_type: str = ""
    capability: tuple[int, int] = (0, 0)
    labels: frozenset[str] = frozenset()
    health: str = "ok"
    is_enabled: bool = True
    max_agents: int | None = None
    temperature_celsius: float | None = None
    utilization_percent: float | None = None

    @property
    def capacity_mib(self) -> int:
        """What may be promised of its memory."""
        return max(self.total_memory_mib - self.reserved_memory_mib, 0)

    @property
    def takes_new(self) -> bool:
        """Whether anything new may come here at all."""
        return self.is_enabled and self.health not in NOTHING_NEW

    @property
    def traits(self) -> "Traits":
        """What decides which kinds of agents the card may serve."""
        return Traits(self.gpu_type, self.capability, self.labels)


@dataclass(frozen=True, slots=True)
class Traits:
    """What never changes on a card and requests may ask for."""

    gpu_type: str
    capability: tuple[int, int]
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All cards, each on one of the hosts. Their order decides ties: the first wins."""

    gpus: tuple[Gpu, ...]
    hosts: tuple[Host, ...]

    @classmethod
    def of(cls, gpus: Sequence[Gpu], hosts: Sequence[Host] = ()) -> "Fleet":
        """A fleet of these cards; a host that is not listed states nothing of itself."""
        listed = {host.name: host for host in hosts}
        for gpu in gpus:
            listed.setdefault(gpu.host, Host(gpu.host))
        return cls(tuple(gpus), tuple(listed.values()))
