"""One story of placement, as bytes: `python -m tests.allocation.repeated EFFORT` tells it in a process of its own."""

import sys

from helios_core.allocation.batch import place_all
from helios_core.allocation.evict import evict
from helios_core.allocation.explain import explain
from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.place import Placer
from helios_core.allocation.rebalance import rebalance
from tests.allocation.fleets import GIB, agent, hosts_of_four


def story(effort: float) -> bytes:
    """Place one by one, in a batch, rebalance and evict; everything that was decided, and why."""
    told: list[object] = []
    large = Placer(hosts_of_four(6))
    for number in range(100):
        kind = {"model": "mno"[number % 3], "weights_mib": 3 * GIB, "labels": frozenset(), "affinity": "ab"[number % 2]}
        told.append(explain(large, agent(f"a{number}", GIB * (1 + number % 5), **kind)).lines)
        large.place(agent(f"a{number}", GIB * (1 + number % 5), compute_milli=90 * (number % 4), **kind))
    small = Placer(Fleet.of([Gpu(number, total_memory_mib=12 * GIB) for number in range(4)]))
    batch = [
        agent(f"b{n}", GIB * (1 + n % 5), model="mno"[n % 3], weights_mib=3 * GIB, priority=1 + n % 6)
        for n in range(24)
    ]
    told.append(place_all(small, batch, effort))
    told.append(rebalance(small, max_load_percent=90, effort=effort))
    told.append(evict(small, agent("late", 6 * GIB, priority=9), effort=effort))
    return repr(told).encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(story(effort=float(sys.argv[1])))
