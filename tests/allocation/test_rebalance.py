"""Rebalance: fewest moves, nobody left out, nobody moved that need not."""

from dataclasses import replace

import pytest

from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.rebalance import rebalance
from helios_core.allocation.requests import Request
from helios_core.allocation.rules import Rule
from tests.allocation.fleets import GIB, agent, hosts_of_four, three_cards


def put(placer: Placer, request: Request, *cards: int) -> None:
    shape = next(shape for shape in request.kind.shapes if shape.cards == len(cards))
    placer.promise(request, Choice(shape, placer.ledger.cards[cards[0]].host.position, cards))


def test_who_fits_moves_nobody() -> None:
    plan = rebalance(Placer(three_cards()), [agent("a", 11 * GIB)])
    assert plan is not None
    assert (plan.migrations, len(plan.moves), plan.is_fewest) == (0, 1, True)


def test_where_no_moves_make_room_there_is_no_plan() -> None:
    placer = Placer(three_cards())
    for card in range(3):
        put(placer, agent(f"a{card}", 6 * GIB), card)
    assert rebalance(placer, [agent("large", 10 * GIB)]) is None


def test_several_agents_are_placed_by_one_plan() -> None:
    placer = Placer(three_cards())
    for card in range(3):
        put(placer, agent(f"a{card}", 5 * GIB), card)
    plan = rebalance(placer, [agent("small", 6 * GIB), agent("large", 11 * GIB)])
    assert plan is not None
    assert (plan.migrations, len(plan.moves)) == (1, 3)
    plan.apply(placer)
    assert len(placer.ledger.promises) == 5


def test_a_chain_of_moves_is_found_and_is_the_shortest() -> None:
    placer = Placer(Fleet.of([Gpu(0, total_memory_mib=10), Gpu(1, total_memory_mib=8), Gpu(2, total_memory_mib=5)]))
    put(placer, agent("a", 4), 0)
    put(placer, agent("b", 5), 1)
    put(placer, agent("c", 2), 2)
    plan = rebalance(placer, [agent("new", 10)])
    assert plan is not None
    assert plan.is_fewest
    assert plan.migrations == 2
    plan.apply(placer)
    assert dict(placer.ledger.entries())["new"] == (0,)


def test_of_equally_few_moves_the_one_that_moves_least_is_chosen() -> None:
    placer = Placer(Fleet.of([Gpu(0, total_memory_mib=10), Gpu(1, total_memory_mib=5)]))
    put(placer, agent("heavy", 5), 0)
    put(placer, agent("light", 4), 0)
    plan = rebalance(placer, [agent("new", 5, fixed_gpus=(0,))])
    assert plan is not None
    assert [move.request.agent for move in plan.moves] == ["light", "new"]


def test_agents_leave_a_lost_card_and_only_these() -> None:
    fleet = three_cards()
    placer = Placer(fleet)
    put(placer, agent("stranded", 4 * GIB), 0)
    put(placer, agent("stays", 4 * GIB), 1)
    placer.update(replace(fleet.gpus[0], health="lost"))
    plan = rebalance(placer)
    assert plan is not None
    assert [(move.request.agent, move.before) for move in plan.moves] == [("stranded", (0,))]
    plan.apply(placer)
    assert dict(placer.ledger.entries())["stranded"] != (0,)


def test_a_limit_on_load_is_reached_with_the_fewest_moves() -> None:
    placer = Placer(three_cards())
    for number in range(5):
        put(placer, agent(f"a{number}", 2 * GIB), 0)
    plan = rebalance(placer, max_load_percent=60)
    assert plan is not None
    assert (plan.migrations, plan.is_fewest) == (2, True)
    assert rebalance(placer, max_load_percent=10) is None


def test_who_is_there_may_stay_though_a_later_rule_would_not_let_them_in() -> None:
    placer = Placer(three_cards())
    for number in range(3):
        put(placer, agent(f"a{number}"), 0)
    placer.change_rules([Rule("one each", max_agents_per_gpu=1)])
    plan = rebalance(placer, [agent("new")])
    assert plan is not None
    assert plan.migrations == 0
    assert plan.moves[0].choice.cards != (0,)


def test_memory_in_use_is_counted_once() -> None:
    fleet = three_cards()
    placer = Placer(fleet)
    put(placer, agent("a", 6 * GIB), 0)
    placer.update(replace(fleet.gpus[0], measured_memory_mib=6 * GIB))
    plan = rebalance(placer, [agent("b", 5 * GIB, fixed_gpus=(0,))])
    assert plan is not None
    assert plan.migrations == 0


@pytest.mark.parametrize("cells", [5, 9])
def test_a_large_fleet_is_balanced_cell_by_cell(cells: int) -> None:
    placer = Placer(hosts_of_four(4 * cells))
    for card in range(16 * cells):
        put(placer, agent(f"a{card}", 12 * GIB), card)
        put(placer, agent(f"b{card}", (12 if card < 16 * cells - 2 else 6) * GIB), card)
    plan = rebalance(placer, [agent("new", 12 * GIB)], effort=1.0 * cells)
    assert plan is not None
    assert plan.migrations == 1
    plan.apply(placer)
    assert "new" in placer.ledger.promises
