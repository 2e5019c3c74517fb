"""Simulated cards: the same at the same time, lively, and never outside of what the table allows."""

from functools import cache
from statistics import correlation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.telemetry import simulated
from helios_core.telemetry.health import verdict_on
from helios_core.telemetry.readings import CardReading, Reading
from helios_core.telemetry.simulated import SimulatedCards, identity, reading

DAY = [1_790_000_000.0 + second for second in range(0, 86_400, 11)]
CARDS = range(3)


@cache
def day(index: int) -> list[Reading]:
    """A day of one card."""
    return [reading(index, second) for second in DAY]


def test_two_processes_simulate_the_same() -> None:
    first, second = SimulatedCards(lambda: DAY[0]), SimulatedCards(lambda: DAY[0])
    assert first.sweep().cards == second.sweep().cards


def test_the_cards_are_those_of_the_seed() -> None:
    cards = SimulatedCards(lambda: DAY[0]).sweep().cards
    assert [(card.identity.name, card.identity.index, card.identity.total_memory_mb) for card in cards] == [
        ("RTX Titan X", index, 12288) for index in CARDS
    ]
    assert all(card.identity.uuid.startswith("SIM-") for card in cards)
    assert all(card.identity.is_simulated and card.identity.power_limit_watts == 250 for card in cards)


@given(index=st.sampled_from(CARDS), second=st.floats(0, 4e9))
def test_no_value_is_impossible(index: int, second: float) -> None:
    seen = reading(index, second)
    assert 0 <= (seen.utilization_percent or 0) <= 100
    assert 0 < (seen.memory_used_mb or 0) <= simulated.TOTAL_MIB
    assert simulated.ROOM_CELSIUS <= (seen.temperature_celsius or 0) <= simulated.SHUTDOWN_CELSIUS
    assert 0 < (seen.power_watts or 0) <= simulated.POWER_LIMIT_WATTS
    assert sum(process.memory_used_mb or 0 for process in seen.processes or ()) < (seen.memory_used_mb or 0)


@pytest.mark.parametrize("index", CARDS)
def test_load_drives_power_and_power_drives_temperature(index: int) -> None:
    load = [float(seen.utilization_percent or 0) for seen in day(index)]
    power = [seen.power_watts or 0.0 for seen in day(index)]
    heat = [float(seen.temperature_celsius or 0) for seen in day(index)]
    assert correlation(load, power) > 0.9
    assert correlation(power, heat) > 0.6
    assert max(load) - min(load) > 50


def test_one_card_is_hot_at_times_and_the_others_are_not() -> None:
    def healths(index: int) -> list[str]:
        return [verdict_on(CardReading(identity(index), seen)).health for seen in day(index)]

    assert set(healths(0)) == set(healths(2)) == {"ok"}
    assert 0.02 < healths(1).count("warning") / len(DAY) < 0.4


def test_models_come_and_go() -> None:
    names = {process.name for seen in day(0) for process in seen.processes or ()}
    assert len(names) > 2
    assert all(name and "simulated" in name for name in names)
