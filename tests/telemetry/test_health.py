"""When a card is well, and what is said when it is not."""

import pytest

from helios_core.telemetry.faults import FAULTS, STOPS_PROBE, Fault
from helios_core.telemetry.health import CALM_SECONDS, SILENT_READINGS, HealthWatch, verdict_on
from helios_core.telemetry.readings import CardReading, DeviceIdentity, Reading


def card(temperature: int | None = 60, slowdown: int | None = 92, **reading: object) -> CardReading:
    """A card with this temperature and these limits."""
    identity = DeviceIdentity(uuid="GPU-0", index=0, name="card", slowdown_temperature_celsius=slowdown)
    return CardReading(identity, Reading(temperature_celsius=temperature, **reading))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("temperature", "health"),
    [(60, "ok"), (81, "ok"), (82, "warning"), (88, "warning"), (89, "critical"), (95, "critical")],
)
def test_heat_is_judged_by_the_cards_own_limit(temperature: int, health: str) -> None:
    assert verdict_on(card(temperature)).health == health


def test_a_card_that_only_tells_its_margin_is_judged_by_that() -> None:
    assert verdict_on(card(80, slowdown=None, temperature_margin_celsius=11)).health == "ok"
    assert verdict_on(card(80, slowdown=None, temperature_margin_celsius=9)).health == "warning"
    assert verdict_on(card(80, slowdown=None, temperature_margin_celsius=2)).health == "critical"


def test_a_card_without_any_limit_is_not_judged_by_its_heat() -> None:
    assert verdict_on(card(120, slowdown=None)).health == "ok"


@pytest.mark.parametrize(("mask", "health"), [(0x1, "ok"), (0x4, "ok"), (0x20, "warning"), (0x8, "critical"),
                                              (0x40, "critical"), (0x80, "critical")])  # fmt: skip
def test_what_the_hardware_does_to_save_itself_is_critical(mask: int, health: str) -> None:
    assert verdict_on(card(throttle_reasons=mask)).health == health


@pytest.mark.parametrize(
    ("fault", "health"),
    [(FAULTS[15], "lost"), (FAULTS[16], "critical"), (FAULTS[999], "unknown"), (STOPS_PROBE, "critical")],
)
def test_a_fault_of_the_card_says_how_it_fares(fault: Fault, health: str) -> None:
    verdict = verdict_on(card(fault=fault))
    assert (verdict.health, verdict.message) == (health, fault.message)


def test_worse_counts_at_once_and_better_when_it_has_lasted() -> None:
    watch = HealthWatch()
    assert watch.judge(card(60), 0).health == "ok"
    assert watch.judge(card(90), 1).health == "critical"
    assert watch.judge(card(60), 2).health == "critical"
    assert watch.judge(card(85), 3).health == "critical"
    assert watch.judge(card(60), 2 + CALM_SECONDS).health == "ok"


def test_a_card_at_a_threshold_does_not_flap() -> None:
    watch = HealthWatch()
    watch.judge(card(82), 0)
    seen = [watch.judge(card(81 + second % 2), second).health for second in range(1, 60)]
    assert set(seen) == {"warning"}


def test_a_card_that_is_back_is_well_at_once() -> None:
    watch = HealthWatch()
    assert watch.judge(card(fault=FAULTS[15]), 0).health == "lost"
    assert watch.judge(card(), 1).health == "ok"


def test_silence_makes_a_card_unknown_after_a_while() -> None:
    watch = HealthWatch()
    watch.judge(card(), 0)
    silent = card(None, gaps={"power_watts": "the driver did not answer in time"})
    seen = [watch.judge(silent, second) for second in range(1, SILENT_READINGS + 1)]
    assert [verdict.health for verdict in seen] == ["ok"] * (SILENT_READINGS - 1) + ["unknown"]
    assert seen[-1].message == "No value at the last readings: the driver did not answer in time."
