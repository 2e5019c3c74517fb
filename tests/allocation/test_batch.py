"""Many agents at once: what has the highest priority in total, and on small fleets nothing better exists."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helios_core.allocation.batch import place_all
from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.place import Placer
from helios_core.allocation.requests import Kind, Request
from helios_core.allocation.rules import Rule
from tests.allocation.fleets import GIB, agent, hosts_of_four, three_cards


def worth(placer: Placer) -> int:
    return sum(promise.request.priority for promise in placer.ledger.promises.values())


def best_by_trying_all(fleet: Fleet, requests: list[Request]) -> int:
    """The highest total priority, by trying every card, and none, for every agent."""
    best = 0
    for cards in product([None, *range(len(fleet.gpus))], repeat=len(requests)):
        placer = Placer(fleet)
        try:
            for request, card in zip(requests, cards, strict=True):
                if card is not None:
                    placer.ledger.promise(request, request.kind.shapes[0], 0, (card,))
        except ValueError:
            continue
        best = max(best, worth(placer))
    return best


agents = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 600), st.sampled_from([None, "m", "n"]), st.integers(1, 9)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(agents)
def test_nothing_is_better_on_a_fleet_that_can_be_tried_out(found: list[tuple[int, int, str | None, int]]) -> None:
    requests = [
        Request(f"a{n}", Kind(memory, compute, model, weights_mib=3 if model else 0), priority=priority)
        for n, (memory, compute, model, priority) in enumerate(found)
    ]
    fleet = Fleet.of([Gpu(0, total_memory_mib=10), Gpu(1, total_memory_mib=7)])
    placer = Placer(fleet)
    place_all(placer, requests, effort=0.3)
    assert worth(placer) == best_by_trying_all(fleet, requests)


def test_many_small_agents_are_worth_more_than_a_large_one() -> None:
    placer = Placer(three_cards())
    large = [agent(f"large {number}", 11 * GIB, priority=6) for number in range(3)]
    small = [agent(f"small {number}", 5 * GIB, priority=4) for number in range(6)]
    promised = place_all(placer, [*large, *small])
    assert sorted(promise.request.agent for promise in promised) == [f"small {number}" for number in range(6)]


def test_a_batch_goes_beside_what_is_there() -> None:
    placer = Placer(three_cards())
    placer.place(agent("there", 8 * GIB, fixed_gpus=(0,)))
    place_all(placer, [agent(f"a{number}", 11 * GIB) for number in range(3)])
    assert dict(placer.ledger.entries())["there"] == (0,)
    assert len(placer.ledger.promises) == 3


@pytest.mark.parametrize("effort", [0.01, 0.4])
def test_a_batch_keeps_every_limit(effort: float) -> None:
    rules = [Rule("four each", max_agents_per_gpu=4), Rule("half", max_memory_percent=50, models=frozenset({"half"}))]
    gpus = [Gpu(number, "ws-1", 11 * GIB) for number in range(3)]
    placer = Placer(Fleet.of(gpus, [Host("ws-1", cpu_milli=8000)]), rules, quotas_mib={7: 6 * GIB})
    requests = [
        *(agent(f"owned {n}", 2 * GIB, owner=7) for n in range(5)),
        *(agent(f"apart {n}", anti_affinity="apart") for n in range(5)),
        *(agent(f"pair {n}", 2 * GIB, affinity="pair", priority=9) for n in range(3)),
        *(agent(f"alone {n}", model="alone", is_exclusive=True) for n in range(2)),
        *(agent(f"half {n}", 4 * GIB, model="half") for n in range(3)),
        *(agent(f"cpu {n}", 512, host_cpu_milli=3000) for n in range(4)),
        *(agent(f"split {n}", 12 * GIB, split_over=(2, 3), priority=3) for n in range(2)),
    ]
    place_all(placer, requests, effort=effort)
    held = dict(placer.ledger.entries())
    by_card = [[name.split()[0] for name, cards in held.items() if card in cards] for card in range(3)]
    assert all(len(names) <= 4 for names in by_card)
    assert all(names.count("apart") <= 1 and names.count("half") <= 1 for names in by_card)
    assert all("alone" not in names or set(names) == {"alone"} for names in by_card)
    assert sum(name.startswith("owned") for name in held) <= 3
    assert sum(name.startswith("cpu") for name in held) <= 2
    assert len({cards for name, cards in held.items() if name.startswith("pair")}) == 1


def test_a_large_fleet_is_filled_in_the_order_of_priorities_and_improved_cell_by_cell() -> None:
    placer = Placer(hosts_of_four(10))
    low = [agent(f"low {number}", 13 * GIB, priority=1) for number in range(40)]
    high = [agent(f"high {number}", 12 * GIB, priority=2) for number in range(80)]
    place_all(placer, [*low, *high], effort=0.5)
    assert sorted(placer.ledger.promises) == sorted(request.agent for request in high)


def test_agents_without_a_card_are_placed_on_their_host() -> None:
    placer = Placer(Fleet.of([Gpu(0, "h", GIB)], [Host("h", cpu_milli=1000)]))
    promised = place_all(placer, [agent(f"a{n}", 0, cards=0, host_cpu_milli=600) for n in range(2)])
    assert [promise.request.agent for promise in promised] == ["a0"]
