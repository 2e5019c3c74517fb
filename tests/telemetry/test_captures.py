"""Captures of real cards, played through the double and the real binding: what each reports, and what it does not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from helios_core.telemetry.driver import Driver
from helios_core.telemetry.faults import NOT_REPORTED, NOT_REPORTED_IN_MIG_MODE
from helios_core.telemetry.readings import CardReading
from tests.telemetry.fake_nvml import FakeCard, FakeNvml, install

CAPTURES = sorted((Path(__file__).parents[2] / "../shared/data/gpu").glob("*.metrics"))
LINE = re.compile(r"^nvidia_smi_(\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')

pytestmark = pytest.mark.skipif(not CAPTURES, reason="the captures of real cards are not beside this checkout")


class Capture:
    """One file of an exporter: values by name, and rows with labels."""

    def __init__(self, path: Path) -> None:
        self.rows = [
            (name, dict(LABEL.findall(labels)), float(value)) for name, labels, value in LINE.findall(path.read_text())
        ]
        self.values = {name: value for name, _, value in self.rows}
        self.info = next(labels for name, labels, _ in self.rows if name == "gpu_info")

    def whole(self, name: str, factor: float = 1) -> int | None:
        """A value in another unit; None where the card did not report it."""
        return round(self.values[name] * factor) if name in self.values else None

    def card(self) -> FakeCard:
        """A card that says what this one said."""
        numbers = {
            "nvmlDeviceGetEnforcedPowerLimit": self.whole("enforced_power_limit_watts", 1000),
            "nvmlDeviceGetPowerUsage": self.whole("power_draw_watts", 1000),
            "nvmlDeviceGetTemperature": self.whole("temperature_gpu"),
            "nvmlDeviceGetPerformanceState": self.whole("pstate"),
            "nvmlDeviceGetCurrentClocksEventReasons": self.whole("clocks_event_reasons_active"),
            "nvmlDeviceGetFanSpeed": self.whole("fan_speed_ratio", 100),
        }
        used = [(labels["pid"], value) for name, labels, value in self.rows if name == MEMORY_OF_APP]
        apps: list[tuple[int, int | None]] = [(int(pid), round(value)) for pid, value in used]
        major, minor = self.info["compute_cap"].split(".")
        return FakeCard(
            uuid=b"GPU-capture",
            name=self.info["name"].encode(),
            total_bytes=self.whole("memory_total_bytes") or 0,
            used_bytes=self.whole("memory_used_bytes") or 0,
            reserved_bytes=self.whole("memory_reserved_bytes") or 0,
            numbers={call: number for call, number in numbers.items() if number is not None},
            utilization=(
                self.whole("utilization_gpu_ratio", 100) or 0,
                self.whole("utilization_memory_ratio", 100) or 0,
            ),
            thresholds={},
            clocks={1: self.whole(SM_CLOCK, 1e-6) or 0, 2: self.whole("clocks_current_memory_clock_hz", 1e-6) or 0},
            capability=(int(major), int(minor)),
            is_mig=self.values.get("mig_mode_current") == 1,
            compute=apps,
        )


MEMORY_OF_APP = "compute_app_used_memory_bytes"
UTILIZATION = "utilization_gpu_ratio"
SM_CLOCK = "clocks_current_sm_clock_hz"


@pytest.fixture(params=CAPTURES, ids=lambda path: path.name)
def capture(request: pytest.FixtureRequest) -> Capture:
    """Each of the captures."""
    return Capture(request.param)


@pytest.fixture
def seen(capture: Capture) -> Iterator[CardReading]:
    """What Helios makes of it."""
    install(FakeNvml([capture.card()]))
    [card] = [event for event in Driver().sweep() if isinstance(event, CardReading)]
    yield card
    install(None)


def test_a_real_card_is_read_to_its_last_value(capture: Capture, seen: CardReading) -> None:
    assert seen.identity.name == capture.info["name"]
    assert seen.identity.compute_capability == capture.info["compute_cap"]
    assert seen.identity.total_memory_mb == capture.whole("memory_total_bytes", 2**-20)
    assert seen.reading.memory_used_mb == capture.whole("memory_used_bytes", 2**-20)
    assert seen.reading.power_watts == pytest.approx(capture.values["power_draw_watts"])
    assert seen.reading.temperature_celsius == capture.values["temperature_gpu"]
    assert seen.reading.sm_clock_mhz == capture.whole(SM_CLOCK, 1e-6)
    assert len(seen.reading.processes or ()) == capture.values["compute_apps"]
    assert seen.reading.fault is None
    assert seen.reading.gaps == {}


def test_what_a_real_card_does_not_report_is_unknown_and_never_zero(capture: Capture, seen: CardReading) -> None:
    if UTILIZATION not in capture.values:
        assert seen.reading.utilization_percent is None
        assert seen.reading.unsupported["utilization_percent"] == NOT_REPORTED_IN_MIG_MODE
    else:
        assert seen.reading.utilization_percent == capture.whole(UTILIZATION, 100)
    if "fan_speed_ratio" not in capture.values:
        assert seen.reading.fan_percent is None
        assert seen.reading.unsupported["fan_percent"] == NOT_REPORTED
    else:
        assert seen.reading.fan_percent == capture.whole("fan_speed_ratio", 100)
