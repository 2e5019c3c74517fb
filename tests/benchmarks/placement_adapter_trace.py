"""Translates the trace benchmark's dictionaries into requests, and placements back into its answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import Placer
from helios_core.allocation.requests import Kind, Request

Pod = Mapping[str, Any]


class Allocator:
    """What the checker drives: hosts with CPU, memory and equal cards; pods that never leave."""

    def reset(self, nodes: Sequence[Pod], target: Sequence[Pod] | None) -> None:
        """Start with an empty fleet; `target` is the mix, where it is given."""
        hosts = [Host(node["node"], node["cpu_milli"], node["memory_mib"]) for node in nodes]
        owners = [node for node in nodes for _ in range(node["gpus"])]
        gpus = [Gpu(position, host=node["node"], gpu_type=node["model"]) for position, node in enumerate(owners)]
        self._kinds: dict[tuple[Any, ...], Kind] = {}
        mix = None if target is None else Mix.given(Counter(self._kind(pod) for pod in target))
        self._placer = Placer(Fleet.of(gpus, hosts), mix=mix)

    def place(self, pod: Pod) -> tuple[str, list[int]] | None:
        """The host and the numbers of its cards, or None."""
        placer = self._placer
        promise = placer.place(Request(str(len(placer.ledger.promises)), self._kind(pod)))
        if promise is None:
            return None
        host = placer.ledger.hosts[promise.host]
        first = host.cards[0].position
        return host.host.name, [position - first for position in promise.cards]

    def _kind(self, pod: Pod) -> Kind:
        asked = (pod["num_gpu"], pod["gpu_milli"], pod["cpu_milli"], pod["memory_mib"], pod["gpu_spec"])
        kind = self._kinds.get(asked)
        if kind is None:
            cards, compute, cpu, ram, types = asked
            kind = self._kinds[asked] = Kind(
                cards=cards,
                compute_milli=compute,
                host_cpu_milli=cpu,
                host_memory_mib=ram,
                gpu_types=frozenset(types.split("|")) if types and cards else frozenset(),
            )
        return kind
