"""The formula of `score` over arrays: what a shape would cost on each card of some bundles.

n bundles are asked about, of W cards; P shapes, K profiles, as in `mix.Outlook`. Losses in weighted thousandths of a
card; where there is no room, infinity. A shape of several cards, or of none, has its cost in the bundle's column 0.
"""

from collections.abc import Callable

import numpy as np

from helios_core.allocation.columns import Columns, Indices, Mask
from helios_core.allocation.compiled import compiled
from helios_core.allocation.ledger import Ledger
from helios_core.allocation.outlook import Outlook, Whole
from helios_core.allocation.requests import Shape
from helios_core.allocation.score import CPU_SLACK, RAM_SLACK, STEP, TIE, UNBOUNDED


class Losses:
    """The formula, bound to the columns of one fleet and the outlook for it."""

    def __init__(self, ledger: Ledger, columns: Columns, outlook: Outlook, *, by_host: bool) -> None:
        self._columns = columns
        self._outlook = outlook
        self._is_limited = by_host and any(host.is_limited for host in ledger.hosts)
        self._is_tied = self._is_limited or outlook.ties_cards
        self._asks_memory = bool(columns.full.any())
        self._compute = np.array([shape.compute_milli for shape in outlook.shapes], dtype=np.float64)
        self._cpu = np.array([profile.host_cpu_milli for profile in outlook.profiles], dtype=np.float64)
        self._ram = np.array([profile.host_memory_mib for profile in outlook.profiles], dtype=np.float64)
        self._several: Indices = np.array([p for p, least in enumerate(outlook.least) if least], dtype=np.intp)
        """The shapes of several cards, and what each needs of a host before it fits at all."""
        self._least = np.array([least for least in outlook.least if least], dtype=np.float64)
        self._classes = np.array([outlook.class_of_host[host] for host in columns.host_of], dtype=np.intp)
        self._merged = outlook.merged

    def costs(self, shape: Shape, at: Indices) -> Whole:
        """The cost (n, W) in the bundles `at`, made as `score.cost` makes it; infinity where there is no room."""
        if shape.cards == 1 and not self._is_tied:
            return self._alone(shape, at)
        return self._together(shape, at)

    def _alone(self, shape: Shape, at: Indices) -> Whole:
        """One card, and no card's worth depends on another's."""
        run = compiled()
        return self._alone_in_arrays(shape, at) if run is None else self._alone_compiled(run, shape, at)

    def _alone_compiled(self, run: Callable[..., Whole], shape: Shape, at: Indices) -> Whole:
        columns, outlook = self._columns, self._outlook
        model = shape.model if shape.weights_mib else None
        return run(
            at,
            columns.compute,
            columns.memory,
            columns.needs,
            columns.compute if model is None else columns.absent(model),
            shape.compute_milli,
            shape.memory_mib + (shape.weights_mib if model is None else 0),
            0 if model is None else shape.weights_mib,
            columns.of_model(model),
            columns.own,
            self._compute,
            self._merged,
            self._classes,
            outlook.compute_per_card,
            outlook.memory_per_card,
            self._asks_memory,
        )

    def _alone_in_arrays(self, shape: Shape, at: Indices) -> Whole:
        """The same, all bundles at once. Axis 0 of all that follows is before and after."""
        columns, size = self._columns, (2, len(at), self._columns.compute.shape[1])
        compute, memory, needs = np.empty(size), np.empty(size), np.empty((*size, len(self._compute)))
        columns.compute.take(at, axis=0, out=compute[0], mode="clip")
        columns.memory.take(at, axis=0, out=memory[0], mode="clip")
        columns.needs.take(at, axis=0, out=needs[0], mode="clip")
        compute[1], memory[1], needs[1] = self._after(shape, at, compute[0], memory[0], needs[0])
        fits = compute[..., None] >= self._compute
        if self._asks_memory:
            fits &= memory[..., None] >= needs
        bound = self._bound(compute, memory)
        worth = np.matvec(fits, self._merged.take(self._classes.take(at), axis=0)) * bound
        costs = _steps(worth[0] - worth[1])
        costs += np.minimum(bound[0], TIE - 1)
        costs[np.minimum(compute[1], memory[1]) < 0] = np.inf
        return costs

    def _together(self, shape: Shape, at: Indices) -> Whole:
        """The bundle as a whole, with what its host has left."""
        columns = self._columns
        cpu, ram = columns.cpu[at], columns.ram[at]
        cpu_after, ram_after = cpu - shape.host_cpu_milli, ram - shape.host_memory_mib
        hosts = (cpu_after >= 0) & (ram_after >= 0)
        compute, memory, needs = columns.compute[at], columns.memory[at], columns.needs[at]
        before, after, has_room = self._around(shape, at, compute, memory, needs)
        weights, sums = self._weights(at, cpu_after, ram_after), before.sum(axis=1)
        limit = self._limit(cpu_after, ram_after)
        value = self._value(sums, self._weights(at, cpu, ram), self._limit(cpu, ram)[:, None])
        if shape.cards == 1:
            worth = self._value(sums[:, None] - before + after, weights[:, None], limit[:, None, None])
            loss = _steps(value[:, None] - worth) + np.minimum(self._bound(compute, memory), TIE - 1)
            return np.where(has_room & hosts[:, None], loss, np.inf)
        costs = np.full(compute.shape, np.inf)
        if shape.cards > compute.shape[1]:
            return costs
        if shape.cards:
            lost = before - after
            own = np.where(has_room & columns.is_open[at], (lost * weights[:, None]).sum(axis=-1), np.inf)
            chosen = np.argsort(own, axis=1, kind="stable")[:, : shape.cards]
            hosts &= np.isfinite(np.take_along_axis(own, chosen[:, -1:], axis=1)[:, 0])
            sums = sums - np.take_along_axis(lost, chosen[..., None], axis=1).sum(axis=1)
        costs[:, 0] = np.where(hosts, _steps(value - self._value(sums, weights, limit[:, None])), np.inf)
        return costs

    def own(self, shape: Shape, bundle: int) -> Whole:
        """What each card (W) of a bundle would lose by itself; infinity where the shape has no room."""
        at = np.array([bundle])
        columns = self._columns
        around = self._around(shape, at, columns.compute[at], columns.memory[at], columns.needs[at])
        before, after, has_room = around
        weights = self._weights(at, columns.cpu[at] - shape.host_cpu_milli, columns.ram[at] - shape.host_memory_mib)
        own: Whole = np.where(has_room, ((before - after) * weights[:, None]).sum(axis=-1), np.inf)[0]
        return own

    def _around(
        self, shape: Shape, at: Indices, compute: Whole, memory: Whole, needs: Whole
    ) -> tuple[Whole, Whole, Mask]:
        """What each shape of the outlook could use of each card (n, W, P) before and after, and where there is room."""
        left, memory_left, needs_left = self._after(shape, at, compute, memory, needs)
        after = self._usable(left, memory_left, needs_left)
        return self._usable(compute, memory, needs), after, (left >= 0) & (memory_left >= 0)

    def _after(
        self, shape: Shape, at: Indices, compute: Whole, memory: Whole, needs: Whole
    ) -> tuple[Whole, Whole, Whole]:
        """Compute and memory (n, W) once the shape is there, and what the outlook's shapes would need then."""
        memory = memory - shape.memory_mib
        if shape.weights_mib:
            if shape.model is None:
                memory -= shape.weights_mib
            else:
                memory -= shape.weights_mib * self._columns.absent(shape.model).take(at, axis=0)
                needs = np.where(self._columns.of_model(shape.model), self._columns.own, needs)
        return compute - shape.compute_milli, memory, needs

    def _usable(self, compute: Whole, memory: Whole, needs: Whole) -> Whole:
        fits = compute[..., None] >= self._compute
        if self._asks_memory:
            fits &= memory[..., None] >= needs
        usable: Whole = fits * self._bound(compute, memory)[..., None]
        return usable

    def _bound(self, compute: Whole, memory: Whole) -> Whole:
        """What the mix could use of each card, in whole thousandths: `score.card_bound`."""
        bound: Whole = _part(compute, self._outlook.compute_per_card)
        if self._outlook.memory_per_card:
            bound = np.minimum(bound, _part(memory, self._outlook.memory_per_card))
        return np.floor(bound)

    def _weights(self, at: Indices, cpu: Whole, ram: Whole) -> Whole:
        """How much each shape counts (n, P) on hosts with this much left."""
        if not self._is_limited:
            return self._merged[self._classes[at]]
        fits = (cpu[:, None] >= self._cpu) & (ram[:, None] >= self._ram)
        return np.add.reduceat(self._outlook.weights[self._classes[at]] * fits, self._outlook.starts, axis=1)

    def _limit(self, cpu: Whole, ram: Whole) -> Whole:
        """What the mix could use of a host's cards with what it has left, in whole thousandths."""
        by_cpu = _part(CPU_SLACK * cpu, self._outlook.cpu_per_card)
        return np.floor(np.minimum(by_cpu, _part(RAM_SLACK * ram, self._outlook.ram_per_card)))

    def _value(self, sums: Whole, weights: Whole, limit: Whole) -> Whole:
        """The value (n, ...) of hosts of whose cards the shapes could use these sums (n, ..., P)."""
        within = np.minimum(sums, limit)
        if self._several.size:
            within[..., self._several] *= sums[..., self._several] >= self._least
        value: Whole = np.vecdot(within, weights)
        return value


def _part(free: Whole, per_card: float) -> Whole:
    return free / per_card if per_card else np.full(free.shape, UNBOUNDED)


def _steps(loss: Whole) -> Whole:
    steps: Whole = np.rint(loss / STEP)
    steps *= TIE
    return steps
