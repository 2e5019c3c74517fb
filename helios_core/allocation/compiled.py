"""The formula of `losses` for cards that are judged one by one, as a loop that numba compiles.

Numba is the extra "compiled". Without it `losses` works with arrays, and finds the same to the last bit: what is summed
are whole numbers, so that the order does not matter.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from helios_core.allocation.columns import Indices, Mask
from helios_core.allocation.outlook import Whole
from helios_core.allocation.score import STEP, TIE, UNBOUNDED


@cache
def compiled() -> Callable[..., Whole] | None:
    """`costs_alone` as machine code; None where numba is not installed, or has nowhere to keep what it made."""
    try:
        from numba import njit  # noqa: PLC0415 - it takes half a second, and is not always there

        made: Callable[..., Whole] = njit(cache=True)(costs_alone)
    except (ImportError, RuntimeError):
        return None
    return made


def costs_alone(  # noqa: PLR0917 - numba takes what has a place faster than what has a name
    at: Indices,
    compute: Whole,
    memory: Whole,
    needs: Whole,
    absent: Whole,
    asked_milli: int,
    asked_mib: int,
    weights_mib: int,
    of_model: Mask,
    own: Whole,
    shapes: Whole,
    counts: Whole,
    classes: Indices,
    compute_per_card: float,
    memory_per_card: float,
    asks_memory: bool,
) -> Whole:
    """The cost (n, W) of what is asked for on the cards of the bundles `at`; infinity where there is no room.

    `compute`, `memory`, `needs` and `absent`: the columns (B, W, ...); `of_model` and `own`: which shapes of the
    outlook share the weights that would be loaded, and what they need then; `shapes`: the compute that each needs;
    `counts`: how much each counts on a class of hosts (C, P); `classes`: the class of each bundle.
    """
    costs = np.empty((len(at), compute.shape[1]))
    for row, bundle in enumerate(at):
        weights = counts[classes[bundle]]
        for card in range(compute.shape[1]):
            milli, mib = compute[bundle, card], memory[bundle, card]
            milli_left, mib_left = milli - asked_milli, mib - asked_mib - weights_mib * absent[bundle, card]
            if milli_left < 0 or mib_left < 0:
                costs[row, card] = np.inf
                continue
            before = after = 0.0
            for shape in range(len(shapes)):
                needed = needs[bundle, card, shape]
                if milli >= shapes[shape] and (not asks_memory or mib >= needed):
                    before += weights[shape]
                if of_model[shape]:
                    needed = own[shape]
                if milli_left >= shapes[shape] and (not asks_memory or mib_left >= needed):
                    after += weights[shape]
            bound, bound_left = UNBOUNDED, UNBOUNDED
            if compute_per_card:
                bound, bound_left = milli / compute_per_card, milli_left / compute_per_card
            if memory_per_card:
                bound, bound_left = min(bound, mib / memory_per_card), min(bound_left, mib_left / memory_per_card)
            bound, bound_left = np.floor(bound), np.floor(bound_left)
            loss = before * bound - after * bound_left
            costs[row, card] = np.rint(loss / STEP) * TIE + min(bound, TIE - 1)
    return costs
