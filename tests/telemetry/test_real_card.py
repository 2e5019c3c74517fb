"""The probe on the cards of this machine, where it has any: `pytest -m gpu`."""

from collections.abc import Iterator
from threading import Event

import pytest

from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.telemetry.readings import Sweep

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def sweeps() -> Iterator[list[Sweep]]:
    """Five sweeps of the real cards."""
    probe = ProbeProcess()
    first = probe.sweep(Event())
    if first.fault is not None:
        probe.close()
        pytest.skip(first.fault.message)
    yield [first, *(probe.sweep(Event()) for _ in range(4))]
    probe.close()


def test_every_card_says_what_it_is(sweeps: list[Sweep]) -> None:
    for card in sweeps[0].cards:
        assert card.identity.uuid.startswith("GPU-")
        assert card.identity.name
        assert (card.identity.total_memory_mb or 0) > 1000
        assert card.identity.driver_version
        assert card.identity.compute_capability


def test_every_value_is_measured_or_explained(sweeps: list[Sweep]) -> None:
    for sweep in sweeps:
        assert sweep.cards
        for card in sweep.cards:
            reading = card.reading
            assert reading.fault is None
            explained = reading.unsupported.keys() | reading.gaps.keys()
            assert (reading.temperature_celsius is None) == ("temperature_celsius" in explained)
            assert (reading.power_watts is None) == ("power_watts" in explained)
            assert (reading.fan_percent is None) == ("fan_percent" in explained)
            assert (reading.utilization_percent is None) == ("utilization_percent" in explained)


def test_sweeps_are_quick(sweeps: list[Sweep]) -> None:
    assert sweeps[-1].taken_at - sweeps[1].taken_at < 6
