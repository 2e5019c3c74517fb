"""The mix is learned as requests come, and becomes an outlook for the fleet."""

from collections import Counter

from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.mix import FORGET_AT, Mix
from helios_core.allocation.outlook import MOST_PROFILES, SHARE, Outlook
from helios_core.allocation.requests import Kind
from tests.allocation.fleets import GIB, three_cards


def test_the_mix_is_looked_at_whenever_it_has_grown_fourfold() -> None:
    mix = Mix()
    lessons = [number for number in range(1, 200) if mix.observe(Kind())]
    assert lessons == [1, 4, 16, 64]


def test_what_was_asked_for_long_ago_counts_for_less() -> None:
    mix, old, new = Mix(), Kind(memory_mib=1), Kind(memory_mib=2)
    for kind in [old] * (FORGET_AT // 2) + [new] * (FORGET_AT * 2):
        mix.observe(kind)
    assert mix.counts[old] * 8 < mix.counts[new]


def test_a_mix_that_is_given_does_not_learn() -> None:
    mix = Mix.given({Kind(): 1})
    assert not any(mix.observe(Kind(memory_mib=1)) for _ in range(100))
    assert mix.counts == {Kind(): 1}


def test_kinds_that_few_cards_can_serve_weigh_more_and_only_there() -> None:
    gpus = [Gpu(number, host=str(number), total_memory_mib=GIB, gpu_type="AAAB"[number]) for number in range(4)]
    anywhere, picky = Kind(memory_mib=100), Kind(memory_mib=200, gpu_types=frozenset({"B"}))
    outlook = Outlook.of(Counter([anywhere, picky]), Fleet.of(gpus))
    assert outlook.weights.tolist() == [[SHARE / 2, 0], [SHARE / 2, SHARE]]


def test_kinds_that_differ_only_in_where_they_may_go_are_one_profile() -> None:
    kinds = [Kind(memory_mib=100, gpu_types=frozenset({name})) for name in ("", "B")]
    assert len(Outlook.of(Counter(kinds), three_cards()).profiles) == 1


def test_an_outlook_keeps_the_most_likely_profiles() -> None:
    counts = {Kind(memory_mib=number): 1 + number for number in range(MOST_PROFILES + 50)}
    outlook = Outlook.of(counts, three_cards())
    assert len(outlook.profiles) == MOST_PROFILES
    assert min(profile.memory_mib for profile in outlook.profiles) == 50


def test_nothing_asked_for_is_an_outlook_too() -> None:
    outlook = Outlook.of({}, three_cards())
    assert outlook.shapes == ()
    assert not outlook.ties_cards
