"""Evict: the least important go, and nobody who need not."""

from helios_core.allocation.evict import evict
from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.place import Choice, Placer
from helios_core.allocation.requests import Request
from tests.allocation.fleets import GIB, agent, hosts_of_four, three_cards


def put(placer: Placer, request: Request, card: int) -> None:
    placer.promise(request, Choice(request.kind.shapes[0], placer.ledger.cards[card].host.position, (card,)))


def names(placer: Placer, request: Request) -> list[str] | None:
    found = evict(placer, request)
    return None if found is None else sorted(promise.request.agent for promise in found.evicted)


def test_nobody_goes_where_there_is_room() -> None:
    assert names(Placer(three_cards()), agent("a")) == []


def test_the_least_important_go() -> None:
    placer = Placer(three_cards())
    for card, priority in enumerate((4, 2, 3)):
        put(placer, agent(f"a{card}", 10 * GIB, priority=priority), card)
    assert names(placer, agent("new", 5 * GIB, priority=9)) == ["a1"]


def test_nobody_of_the_same_priority_goes() -> None:
    placer = Placer(three_cards())
    for card in range(3):
        put(placer, agent(f"a{card}", 10 * GIB, priority=5), card)
    assert names(placer, agent("new", 5 * GIB, priority=5)) is None
    assert names(placer, agent("new", 5 * GIB, priority=6)) == ["a0"]


def test_of_equal_priority_lost_fewer_agents_go() -> None:
    placer = Placer(Fleet.of([Gpu(0, total_memory_mib=10)]))
    for number, (size, priority) in enumerate([(4, 1), (1, 2), (5, 3)]):
        put(placer, agent(f"a{number}", size, priority=priority), 0)
    assert names(placer, agent("new", 5, priority=9)) == ["a2"]


def test_an_agent_that_shares_weights_frees_them_only_with_the_last() -> None:
    placer = Placer(Fleet.of([Gpu(0, total_memory_mib=12)]))
    for number in range(2):
        put(placer, agent(f"sharing {number}", 1, model="m", weights_mib=8, priority=1), 0)
    put(placer, agent("other", 2, priority=4), 0)
    assert names(placer, agent("new", 4, priority=9)) == ["sharing 0", "sharing 1"]


def test_who_is_divided_over_other_cards_too_goes_as_a_whole() -> None:
    placer = Placer(hosts_of_four(1))
    divided = agent("divided", 15 * GIB, priority=1, cards=2)
    shape = divided.kind.shapes[0]
    placer.promise(divided, Choice(shape, 0, (0, 3)))
    for card in (1, 2):
        put(placer, agent(f"a{card}", 20 * GIB, priority=2), card)
    assert names(placer, agent("single", 20 * GIB, priority=9)) == ["divided"]
    assert names(placer, agent("pair", 15 * GIB, priority=9, cards=2)) == ["divided"]


def test_an_eviction_is_applied_as_it_was_planned() -> None:
    placer = Placer(hosts_of_four(8))
    for card in range(32):
        put(placer, agent(f"a{card}", 20 * GIB, priority=1 + (card + 3) % 8), card)
    request = agent("new", 20 * GIB, priority=9, cards=2)
    found = evict(placer, request)
    assert found is not None
    promise = found.apply(placer, request)
    assert len(promise.cards) == 2
    assert found.loss == (3, 2)
