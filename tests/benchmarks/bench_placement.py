"""How long one placement takes: `python -m tests.benchmarks.bench_placement [GPUS ...]`.

A fleet in hosts of eight cards is filled with agents of 16 kinds until it takes no more, and then kept there: each step
releases a random agent and places a new one. Refusals count. `explained` is the same with the
reasons kept, to be put into words when they are read. Fleets of more than 16 cards are measured without numba and,
where it is installed, with it.
"""

import argparse
import gc
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from unittest.mock import patch

from helios_core.allocation import losses
from helios_core.allocation.compiled import compiled
from helios_core.allocation.explain import explain
from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.ledger import Promise
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import SMALL_FLEET, Placer
from helios_core.allocation.requests import Kind, Request

MEMORY_MIB = (512, 1024, 2048, 4096)
MODELS = (("small", 900), ("medium", 4900), ("large", 9100), ("huge", 19800))
CARDS = ((11_776, 1000), (24_064, 1500), (48_640, 2000))
CARDS_PER_HOST = 8


def kinds() -> list[Kind]:
    """Sixteen kinds: four models, each with four sizes of an agent's own memory and share of compute."""
    return [
        Kind(memory_mib=own, compute_milli=50 * (1 + step), model=model, weights_mib=weights)
        for model, weights in MODELS
        for step, own in enumerate(MEMORY_MIB)
    ]


def fleet(cards: int) -> Fleet:
    """Cards of three sizes in turn, eight to a host."""
    return Fleet.of(
        [
            Gpu(
                number,
                host=f"host-{number // CARDS_PER_HOST}",
                total_memory_mib=CARDS[number % 3][0],
                compute_milli=CARDS[number % 3][1],
            )
            for number in range(cards)
        ]
    )


def requests(seed: int) -> Iterator[Request]:
    """Agents without end, of kinds at random."""
    chance = random.Random(seed)
    wanted = kinds()
    number = 0
    while True:
        number += 1
        yield Request(f"agent-{number}", chance.choice(wanted))


def full(cards: int, stream: Iterator[Request]) -> Placer:
    """A fleet that has begun to refuse."""
    placer = Placer(fleet(cards), mix=Mix.given(Counter(kinds())))
    refused = 0
    while refused < 3:
        refused += placer.place(next(stream)) is None
    return placer


def churn(placer: Placer, stream: Iterator[Request], steps: int, *, explained: bool = False) -> list[float]:
    """Seconds for each placement, explained or not, while agents come and go."""
    chance = random.Random(1)
    agents = list(placer.ledger.promises)
    taken = []
    for _ in range(steps):
        position = chance.randrange(len(agents))
        agents[position], agents[-1] = agents[-1], agents[position]
        placer.release(agents.pop())
        request = next(stream)
        started = time.perf_counter()
        promise = place_explained(placer, request) if explained else placer.place(request)
        taken.append(time.perf_counter() - started)
        if promise is not None:
            agents.append(request.agent)
    return taken


def place_explained(placer: Placer, request: Request) -> Promise | None:
    """Place a request and keep the reasons."""
    choice = explain(placer, request).choice
    return None if choice is None else placer.promise(request, choice)


def microseconds(taken: Sequence[float], part: float) -> float:
    """A quantile in µs."""
    return sorted(taken)[min(int(len(taken) * part), len(taken) - 1)] * 1e6


def main() -> None:
    """Print a line for each size of fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gpus", nargs="*", type=int, default=[3, 100, 1_000, 10_000])
    parser.add_argument("--steps", type=int, default=4_000)
    asked = parser.parse_args()
    print(f"{'GPUs':>7} {'agents':>7} {'by':>6} {'p50 µs':>8} {'p99 µs':>8} {'a second':>9} {'explained p50 µs':>17}")
    for cards in asked.gpus:
        if cards <= SMALL_FLEET:
            measure(cards, asked.steps, "plain")
            continue
        with patch.object(losses, "compiled", lambda: None):
            measure(cards, asked.steps, "arrays")
        if compiled() is not None:
            measure(cards, asked.steps, "numba")


def measure(cards: int, steps: int, by: str) -> None:
    """Print the line of one fleet."""
    stream = requests(seed=cards)
    placer = full(cards, stream)
    churn(placer, stream, steps // 4)
    gc.collect()
    gc.freeze()
    taken = churn(placer, stream, steps)
    explained = churn(placer, stream, steps, explained=True)
    print(
        f"{cards:>7} {len(placer.ledger.promises):>7} {by:>6} {microseconds(taken, 0.5):>8.1f} "
        f"{microseconds(taken, 0.99):>8.1f} {len(taken) / sum(taken):>9.0f} {microseconds(explained, 0.5):>17.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
