"""A stream of agents against a fleet, and how much more would fit."""

from helios_core.allocation.place import Placer
from helios_core.allocation.simulate import Departure, Event, Step, fullness, how_many_more, simulate
from tests.allocation.fleets import GIB, agent, three_cards


def test_agents_come_and_go_in_their_order() -> None:
    events: list[Event] = [
        agent("a", 11 * GIB),
        agent("b", 11 * GIB),
        Departure("a"),
        agent("c", 11 * GIB),
        Departure("nobody"),
    ]
    assert list(simulate(Placer(three_cards()), events)) == [
        Step("a", (0,)),
        Step("b", (1,)),
        Step("a", None),
        Step("c", (0,)),
        Step("nobody", None),
    ]


def test_a_fleet_knows_how_full_it_is() -> None:
    placer = Placer(three_cards())
    list(simulate(placer, [agent("a", 11 * GIB, compute_milli=300)]))
    found = fullness(placer)
    assert (round(found.memory, 3), round(found.compute, 3)) == (0.333, 0.1)


def test_counting_what_fits_promises_nothing() -> None:
    placer = Placer(three_cards())
    placer.place(agent("a", 4 * GIB))
    kind = agent("", 2 * GIB, model="m", weights_mib=GIB).kind
    assert how_many_more(placer, kind) == 3 + 5 + 5
    assert list(placer.ledger.promises) == ["a"]
