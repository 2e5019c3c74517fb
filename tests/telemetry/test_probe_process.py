"""The probe as a real child process, over a double of NVML that hangs, crashes and babbles."""

import os
import signal
import sys
from pathlib import Path
from threading import Event, Timer
from time import monotonic

import pytest

from helios_core.telemetry import probe_process
from helios_core.telemetry.faults import FAULTS, NO_CARDS, PROBE_STUCK, STOPS_PROBE
from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.telemetry.readings import Sweep
from tests.telemetry.conftest import Script


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, so that a test sees several of them."""
    monkeypatch.setattr(probe_process, "SWEEP_SECONDS", 0.5)
    monkeypatch.setattr(probe_process, "SKIP_SECONDS", (0.0, 0.4, 60.0))
    monkeypatch.setattr(probe_process, "RETRY_SECONDS", 0.3)


def sweep(probe: ProbeProcess) -> Sweep:
    """One sweep that nobody interrupts."""
    return probe.sweep(Event())


def answered(sweep: Sweep) -> set[str]:
    """The cards that gave values."""
    return {card.identity.uuid for card in sweep.cards if card.is_answered}


def test_a_sweep_brings_every_card(probe: ProbeProcess) -> None:
    seen = sweep(probe)
    assert [card.identity.uuid for card in seen.cards] == ["GPU-0", "GPU-1", "GPU-2"]
    assert (seen.fault, seen.note) == (None, None)
    assert seen.cards[0].reading.power_watts == pytest.approx(631.95)


def test_a_driver_may_print_what_it_likes(probe: ProbeProcess, script: Script) -> None:
    script(nvmlDeviceGetPowerUsage={0: "babble", 2: "babble"})
    assert answered(sweep(probe)) == {"GPU-0", "GPU-1", "GPU-2"}


def test_a_lost_card_does_not_disturb_the_others(probe: ProbeProcess, script: Script) -> None:
    sweep(probe)
    script(nvmlDeviceGetMemoryInfo_v2={1: 15})
    sweep(probe)
    lost = sweep(probe).cards[1]
    assert lost.reading.fault == FAULTS[15]
    assert answered(sweep(probe)) == {"GPU-0", "GPU-2"}


@pytest.mark.parametrize("misbehaviour", ["hang", "crash"])
def test_a_card_that_stops_the_probe_is_left_out_and_the_others_go_on(
    probe: ProbeProcess, script: Script, misbehaviour: str
) -> None:
    sweep(probe)
    script(nvmlDeviceGetPowerUsage={1: misbehaviour})
    began = monotonic()
    stopped = sweep(probe)
    assert monotonic() - began < 4
    assert answered(stopped) == {"GPU-0"}
    for _ in range(3):
        seen = sweep(probe)
        assert answered(seen) == {"GPU-0", "GPU-2"}
        [left_out] = [card for card in seen.cards if card.identity.uuid == "GPU-1"]
        assert left_out.reading.fault is None
        assert left_out.reading.gaps["power_watts"] == "the driver did not answer in time"


@pytest.mark.usefixtures("impatient")
def test_a_card_that_stops_the_probe_again_is_named_and_asked_ever_less_often(
    probe: ProbeProcess, script: Script
) -> None:
    sweep(probe)
    script(nvmlDeviceGetPowerUsage={2: "hang"})
    sweep(probe)
    seen = sweep(probe)
    [left_out] = [card for card in seen.cards if card.identity.uuid == "GPU-2"]
    assert left_out.reading.fault == STOPS_PROBE
    script()
    assert answered(sweep(probe)) == {"GPU-0", "GPU-1"}
    Event().wait(0.5)
    assert answered(sweep(probe)) == {"GPU-0", "GPU-1", "GPU-2"}
    assert all(card.reading.fault is None for card in sweep(probe).cards)


def test_a_card_that_was_never_read_is_spoken_of_by_its_index(probe: ProbeProcess, script: Script) -> None:
    script(nvmlDeviceGetHandleByIndex_v2={1: "crash"})
    sweep(probe)
    seen = sweep(probe)
    assert answered(seen) == {"GPU-0", "GPU-2"}
    assert seen.note == f"GPU #1: {STOPS_PROBE.message}"


@pytest.mark.usefixtures("impatient")
def test_a_driver_that_cannot_be_opened_is_one_sentence_and_tried_again_later(
    probe: ProbeProcess, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_process, "START_SECONDS", 0.7)
    script(nvmlInitWithFlags={"*": "hang"})
    assert sweep(probe).fault is None
    assert sweep(probe).fault == PROBE_STUCK
    began = monotonic()
    assert sweep(probe).fault == PROBE_STUCK
    assert monotonic() - began < 0.2
    script()
    Event().wait(0.4)
    monkeypatch.setattr(probe_process, "START_SECONDS", 15.0)
    assert answered(sweep(probe)) == {"GPU-0", "GPU-1", "GPU-2"}


@pytest.mark.usefixtures("impatient")
def test_a_driver_that_was_upgraded_under_us_is_loaded_anew(probe: ProbeProcess, script: Script) -> None:
    sweep(probe)
    script(nvmlDeviceGetCount_v2={"*": 18})
    seen = sweep(probe)
    assert seen.fault == FAULTS[18]
    assert seen.cards == ()
    script()
    Event().wait(0.4)
    assert len(sweep(probe).cards) == 3


@pytest.mark.usefixtures("impatient")
def test_cards_come_and_go(probe: ProbeProcess, script: Script) -> None:
    script(cards=0)
    assert sweep(probe).fault == NO_CARDS
    script(cards=2)
    Event().wait(0.4)
    assert answered(sweep(probe)) == {"GPU-0", "GPU-1"}


def test_a_probe_that_talks_nonsense_is_started_anew(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.py"
    nonsense.write_text("print('{\"card\": 7}', flush=True); input()")
    probe = ProbeProcess((sys.executable, str(nonsense)))
    assert sweep(probe).fault is None
    assert sweep(probe).fault == PROBE_STUCK
    probe.close()


def test_a_killed_probe_is_replaced(probe: ProbeProcess) -> None:
    sweep(probe)
    assert probe.pid is not None
    os.kill(probe.pid, signal.SIGKILL)
    sweep(probe)
    assert answered(sweep(probe)) == {"GPU-0", "GPU-1", "GPU-2"}


def test_a_sweep_that_hangs_ends_at_once_when_it_has_to_stop(probe: ProbeProcess, script: Script) -> None:
    sweep(probe)
    script(nvmlDeviceGetPowerUsage={0: "hang"})
    stop = Event()
    timer = Timer(0.2, stop.set)
    timer.start()
    began = monotonic()
    probe.sweep(stop)
    assert monotonic() - began < 1
    timer.join()


def test_the_real_probe_says_when_there_is_no_driver() -> None:
    probe = ProbeProcess()
    seen = sweep(probe)
    probe.close()
    assert seen.cards or (seen.fault and seen.fault.message.endswith("."))
