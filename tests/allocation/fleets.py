"""Small fleets and agents for the tests of placement."""

from typing import Any

from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.requests import Kind, Request

GIB = 1024


def three_cards() -> Fleet:
    """Three equal cards of 11 GiB on one host that states nothing of itself."""
    return Fleet.of([Gpu(number, host="ws-1", total_memory_mib=11 * GIB, capability=(5, 2)) for number in range(3)])


def hosts_of_four(hosts: int, cpu_milli: int | None = None) -> Fleet:
    """Hosts of four cards of 24 GiB."""
    gpus = [Gpu(number, host=f"host-{number // 4}", total_memory_mib=24 * GIB) for number in range(4 * hosts)]
    return Fleet.of(gpus, [Host(f"host-{number}", cpu_milli) for number in range(hosts)])


def agent(name: str, memory_mib: int = GIB, **asked: Any) -> Request:  # noqa: ANN401 - the fields of two classes
    """An agent; what belongs to its kind goes there, and the rest to the request."""
    own = {key: asked.pop(key) for key in list(asked) if key in Kind.__dataclass_fields__}
    return Request(name, Kind(memory_mib=memory_mib, **own), **asked)
