"""Arrays, compiled loops and plain Python are one formula: they find the same candidates at the same price."""

from collections import Counter
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helios_core.allocation import losses
from helios_core.allocation.board import Board
from helios_core.allocation.compiled import compiled
from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.mix import Mix
from helios_core.allocation.outlook import Outlook
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.plain import PlainBoard
from helios_core.allocation.refusals import Question, standing_checks
from helios_core.allocation.requests import Kind, Request
from helios_core.allocation.rules import Rule, Strategy
from tests.allocation.fleets import GIB, hosts_of_four
from tests.allocation.test_ledger import MODELS

kinds = st.builds(
    lambda memory, compute, model, types: Kind(
        memory_mib=memory,
        compute_milli=compute,
        model=model,
        weights_mib=MODELS.get(model or "", 0),
        gpu_types=types,
    ),
    st.integers(0, 1500),
    st.integers(0, 1000),
    st.sampled_from([None, *MODELS]),
    st.sampled_from([frozenset[str](), frozenset({"A"})]),
)


@pytest.mark.parametrize("is_compiled", [False, True])
@settings(max_examples=150, deadline=None)
@given(
    mix=st.lists(kinds, max_size=8),
    asked=st.lists(kinds, min_size=1, max_size=20),
    cards=st.integers(1, 6),
    strategy=st.sampled_from(Strategy),
)
def test_arrays_and_plain_python_agree(
    mix: list[Kind], asked: list[Kind], cards: int, strategy: Strategy, *, is_compiled: bool
) -> None:
    with patch.object(losses, "compiled", compiled if is_compiled else no_kernel):
        check_that_they_agree(mix, asked, cards, strategy)


def no_kernel() -> None:
    """What there is without numba."""


def check_that_they_agree(mix: list[Kind], asked: list[Kind], cards: int, strategy: Strategy) -> None:
    readings = [(None, None), (61.5, 12.25), (60.0, None), (None, 99.0)]
    gpus = [
        Gpu(n, f"h{n // 2}", 2000 + 700 * (n % 2), gpu_type="AB"[n % 2], compute_milli=1500,
            temperature_celsius=readings[n % 4][0], utilization_percent=readings[n % 4][1])
        for n in range(cards)
    ]  # fmt: skip
    fleet = Fleet.of(gpus)
    placer, rules = Placer(fleet), (Rule("house", strategy),)
    outlook = Outlook.of(Counter(mix), fleet)
    plain, arrays = PlainBoard(placer.ledger, outlook), Board(placer.ledger, outlook, by_host=False)
    by_host = Board(placer.ledger, outlook, by_host=True)
    for number, kind in enumerate(asked):
        request = Request(str(number), kind)
        question = Question(placer.ledger, request, kind.shapes[0], rules)
        checks = standing_checks(request, rules, placer.ledger)
        found = plain.ranked(question, checks, cards)
        assert arrays.ranked(question, checks, cards) == found
        assert sorted(by_host.ranked(question, checks, cards)) == found
        for board in (plain, arrays):
            assert [board.price(question, placer.ledger.cards[one.cards[0]]) for one in found] == [
                p.price for p in found
            ]
        if found:
            placer.promise(request, Choice(kind.shapes[0], found[0].host, found[0].cards))
            for board in (arrays, by_host):
                board.changed(found[0].cards, found[0].host, kind.shapes[0].model)


def test_numba_is_there_to_be_tested() -> None:
    assert compiled() is not None


def test_costs_that_are_kept_are_those_of_a_fresh_start() -> None:
    kinds = [
        Kind(memory_mib=GIB * (1 + n % 5), compute_milli=100 * (n % 7), host_cpu_milli=500, cards=1 + (n % 9 == 0))
        for n in range(30)
    ]
    placer = Placer(hosts_of_four(6, cpu_milli=8000), mix=Mix.given(Counter(kinds)))
    for number in range(300):
        placer.place(Request(f"a{number}", kinds[number % 30]))
        if number % 3 == 0 and f"a{number // 2}" in placer.ledger.promises:
            placer.release(f"a{number // 2}")
        request = Request("next", kinds[(7 * number) % 30])
        assert placer.copy().choose(request) == placer.choose(request)
