"""One agent finds its place: where least is lost, and never where a rule forbids it."""

from dataclasses import replace
from typing import Any

import pytest

from helios_core.allocation.fleet import Fleet, Gpu, Host
from helios_core.allocation.ledger import Promise
from helios_core.allocation.mix import Mix
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.requests import Kind
from helios_core.allocation.rules import Rule, Strategy
from tests.allocation.fleets import GIB, agent, hosts_of_four, three_cards


def cards(promise: Promise | Choice | None) -> tuple[int, ...] | None:
    return None if promise is None else promise.cards


def test_agents_of_one_model_share_its_weights() -> None:
    placer = Placer(three_cards())
    placed = [placer.place(agent(f"a{n}", GIB, model="m", weights_mib=5 * GIB)) for n in range(7)]
    assert [cards(promise) for promise in placed] == [(0,)] * 6 + [(1,)]
    assert placer.ledger.cards[0].free_memory_mib == 0


def test_the_last_agent_of_a_model_gives_back_its_weights() -> None:
    placer = Placer(three_cards())
    for name in ("first", "second"):
        placer.place(agent(name, GIB, model="m", weights_mib=5 * GIB))
    placer.release("first")
    assert placer.ledger.cards[0].free_memory_mib == 5 * GIB
    placer.release("second")
    assert placer.ledger.cards[0].free_memory_mib == 11 * GIB


def test_small_agents_leave_room_for_a_large_one_that_is_likely() -> None:
    placer = Placer(three_cards())
    for number in range(64):
        placer.place(agent(f"large {number}", 11 * GIB))
        placer.place(agent(f"small {number}", 2 * GIB))
        for name in list(placer.ledger.promises):
            placer.release(name)
    placed = {cards(placer.place(agent(f"s{number}", 2 * GIB))) for number in range(5)}
    assert len(placed) == 1
    assert placer.place(agent("large", 11 * GIB)) is not None


def test_nothing_goes_to_a_card_that_is_lost_or_switched_off() -> None:
    fleet = three_cards()
    placer = Placer(fleet)
    placer.update(replace(fleet.gpus[0], health="lost"))
    placer.update(replace(fleet.gpus[1], is_enabled=False))
    assert cards(placer.place(agent("a"))) == (2,)
    placer.update(fleet.gpus[0])
    assert cards(placer.place(agent("b", 11 * GIB))) == (0,)


def test_a_fleet_without_cards_takes_nobody() -> None:
    for asked in ({}, {"split_over": (1, 2)}, {"cards": 2}):
        assert Placer(Fleet.of([])).place(agent("a", GIB, **asked)) is None


def test_memory_that_others_use_is_not_promised() -> None:
    gpu = replace(three_cards().gpus[0], reserved_memory_mib=GIB, measured_memory_mib=6 * GIB)
    placer = Placer(Fleet.of([gpu]))
    assert placer.place(agent("too large", 4 * GIB + 1)) is None
    assert placer.place(agent("fits", 4 * GIB)) is not None


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"gpu_types": frozenset({"A10"})}, (1,)),
        ({"labels": frozenset({"nvlink"})}, (2,)),
        ({"min_capability": (8, 0)}, (1,)),
        ({"min_capability": (9, 0)}, None),
        ({"fixed_gpus": (2,)}, (2,)),
        ({"preferred_gpu": 1}, (1,)),
        ({"preferred_gpu": 9}, (0,)),
    ],
)
def test_a_request_goes_only_where_it_may(asked: dict[str, Any], where: tuple[int, ...] | None) -> None:
    fleet = Fleet.of(
        [
            Gpu(0, total_memory_mib=GIB, gpu_type="T4", capability=(7, 5)),
            Gpu(1, total_memory_mib=GIB, gpu_type="A10", capability=(8, 6)),
            Gpu(2, total_memory_mib=GIB, gpu_type="T4", capability=(7, 5), labels=frozenset({"nvlink"})),
        ]
    )
    assert cards(Placer(fleet).place(agent("a", **asked))) == where


def test_a_preferred_card_without_room_is_only_a_wish() -> None:
    placer = Placer(three_cards())
    placer.place(agent("first", 11 * GIB, preferred_gpu=1))
    assert cards(placer.place(agent("second", 11 * GIB, preferred_gpu=1))) == (0,)


def test_agents_that_belong_together_share_a_card_and_rivals_do_not() -> None:
    placer = Placer(three_cards())
    assert cards(placer.place(agent("a", fixed_gpus=(1,), affinity="pair"))) == (1,)
    assert cards(placer.place(agent("b", affinity="pair"))) == (1,)
    assert placer.place(agent("c", 10 * GIB, affinity="pair")) is None
    rivals = [cards(placer.place(agent(f"r{number}", anti_affinity="rivals"))) for number in range(4)]
    assert sorted(found for found in rivals[:3] if found) == [(0,), (1,), (2,)]
    assert rivals[3] is None


def test_an_exclusive_model_shares_its_card_with_no_other() -> None:
    placer = Placer(three_cards())
    placer.place(agent("alone", model="big", is_exclusive=True))
    assert cards(placer.place(agent("same", model="big", is_exclusive=True))) == (0,)
    assert cards(placer.place(agent("other", model="small"))) == (1,)
    placer.place(agent("third", model="small", fixed_gpus=(2,)))
    assert placer.place(agent("late", model="huge", is_exclusive=True)) is None


def test_a_card_takes_no_more_agents_than_the_model_or_the_card_allows() -> None:
    placer = Placer(Fleet.of([Gpu(0, total_memory_mib=8 * GIB, max_agents=3)]))
    limited = [placer.place(agent(f"m{number}", model="m", max_agents_per_gpu=2)) for number in range(3)]
    assert [promise is not None for promise in limited] == [True, True, False]
    assert placer.place(agent("third")) is not None
    assert placer.place(agent("fourth")) is None


def test_an_owner_never_holds_more_than_the_quota() -> None:
    placer = Placer(three_cards(), quotas_mib={7: 3 * GIB})
    assert placer.place(agent("a", 2 * GIB, owner=7)) is not None
    assert placer.place(agent("b", 2 * GIB, owner=7)) is None
    assert placer.place(agent("c", 2 * GIB, owner=8)) is not None
    placer.release("a")
    assert placer.place(agent("b", 2 * GIB, owner=7)) is not None


def test_several_whole_cards_are_on_one_host() -> None:
    placer = Placer(hosts_of_four(2))
    placer.place(agent("small", GIB, compute_milli=100))
    whole: dict[str, Any] = {"cards": 4, "compute_milli": 1000}
    assert cards(placer.place(agent("four", 0, **whole))) == (4, 5, 6, 7)
    assert placer.place(agent("four more", 0, **whole)) is None
    assert cards(placer.place(agent("three", 0, cards=3, compute_milli=1000))) == (1, 2, 3)


def test_an_agent_is_divided_only_where_it_does_not_fit_whole() -> None:
    placer = Placer(three_cards())
    small = placer.place(agent("small", 8 * GIB, split_over=(1, 2)))
    large = placer.place(agent("large", 20 * GIB, split_over=(1, 2)))
    assert small is not None
    assert len(small.cards) == 1
    assert large is not None
    assert len(large.cards) == 2
    assert large.shape.memory_mib == 10 * GIB


def test_a_host_gives_no_more_cpu_and_memory_than_it_has() -> None:
    placer = Placer(Fleet.of([Gpu(0, host="h", total_memory_mib=8 * GIB)], [Host("h", 4000, 8 * GIB)]))
    assert placer.place(agent("a", host_cpu_milli=3000, host_memory_mib=GIB)) is not None
    assert placer.place(agent("b", host_cpu_milli=2000)) is None
    assert placer.place(agent("c", host_memory_mib=8 * GIB)) is None
    assert placer.place(agent("no card", 0, cards=0, host_cpu_milli=1000)) is not None


@pytest.mark.parametrize(
    ("strategy", "where"),
    [(Strategy.SPREAD, (2,)), (Strategy.LEAST_LOADED, (1,)), (Strategy.THERMAL_HEADROOM, (0,)), (Strategy.PACK, (0,))],
)
@pytest.mark.parametrize("size", [3, 40])
def test_each_strategy_has_its_favourite(strategy: Strategy, where: tuple[int, ...], size: int) -> None:
    readings = [(50.0, 40.0), (70.0, 10.0), (60.0, 30.0)]
    gpus = [
        Gpu(number, total_memory_mib=8 * GIB, temperature_celsius=celsius, utilization_percent=percent)
        for number, (celsius, percent) in enumerate(readings)
    ]
    gpus += [replace(gpus[1], gpu_id=number, utilization_percent=90.0) for number in range(3, size)]
    placer = Placer(Fleet.of(gpus), [Rule("house", strategy)])
    for number in (0, 1, *range(3, size)):
        placer.promise(busy := agent(f"busy {number}"), Choice(busy.kind.shapes[0], 0, (number,)))
    assert cards(placer.choose(agent("a"))) == where


def test_of_rules_that_contradict_each_other_the_higher_priority_holds() -> None:
    hot = Fleet.of([Gpu(0, total_memory_mib=GIB, temperature_celsius=75.0)])
    strict = Rule("strict", max_temperature_celsius=70, priority=3)
    assert Placer(hot, [strict]).choose(agent("a")) is None
    lenient = Rule("lenient", max_temperature_celsius=80, priority=8)
    assert Placer(hot, [strict, lenient]).choose(agent("a")) is not None


def test_a_rule_counts_only_what_it_is_about() -> None:
    rule = Rule("two each", max_agents_per_gpu=2, max_memory_percent=50, owners=frozenset({7}))
    placer = Placer(Fleet.of([Gpu(0, total_memory_mib=8 * GIB)]), [rule])
    assert placer.place(agent("other", 2 * GIB, owner=8)) is not None
    assert placer.place(agent("too much", 5 * GIB, owner=7)) is None
    assert placer.place(agent("one", GIB, owner=7)) is not None
    assert placer.place(agent("two", GIB, owner=7)) is not None
    assert placer.place(agent("three", GIB, owner=7)) is None
    placer.change_rules([])
    assert placer.place(agent("three", GIB, owner=7)) is not None


def test_a_promise_is_refused_where_somebody_was_faster() -> None:
    placer = Placer(three_cards())
    slow, fast = agent("slow", 11 * GIB), agent("fast", 11 * GIB)
    choice = placer.choose(slow)
    assert choice is not None
    placer.promise(fast, choice)
    with pytest.raises(ValueError, match="slow does not fit on GPU 0"):
        placer.promise(slow, choice)
    with pytest.raises(ValueError, match="already holds a place"):
        placer.promise(fast, choice)
    assert list(placer.ledger.promises) == ["fast"]


def test_a_copy_is_tried_on_without_a_trace() -> None:
    placer = Placer(three_cards())
    placer.place(agent("a"))
    trial = placer.copy()
    trial.place(agent("b"))
    trial.release("a")
    assert list(placer.ledger.promises) == ["a"]
    assert placer.mix.counts == {Kind(memory_mib=GIB): 1}


def test_a_card_is_free_again_when_all_have_left_whoever_paid_for_the_weights() -> None:
    placer = Placer(three_cards())
    for name, weights in (("first", 4 * GIB), ("second", 2 * GIB)):
        placer.place(agent(name, model="m", weights_mib=weights, fixed_gpus=(0,)))
    for name in ("first", "second"):
        placer.release(name)
    assert [card.free_memory_mib for card in placer.ledger.cards] == [11 * GIB] * 3


def test_what_is_expected_decides_as_if_it_had_been_known_from_the_beginning() -> None:
    small, large = agent("small", 2 * GIB), agent("large", 8 * GIB)
    fleet = Fleet.of([Gpu(0, total_memory_mib=12 * GIB), Gpu(1, total_memory_mib=10 * GIB)])
    placer = Placer(fleet, mix=Mix.given({small.kind: 1}))
    placer.choose(small)
    for counts in (
        {large.kind: 3, small.kind: 1},
        {small.kind: 2},
        {agent("split", 16 * GIB, split_over=(2,)).kind: 1},
    ):
        placer.expect(counts)
        assert placer.ask(small, 2).candidates == Placer(fleet, mix=Mix.given(counts)).ask(small, 2).candidates
