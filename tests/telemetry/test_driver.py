"""What the driver session makes of everything that NVML may answer, through the real binding."""

from collections.abc import Callable, Iterator

import pynvml
import pytest

from helios_core.telemetry.driver import Driver, HostFailed
from helios_core.telemetry.faults import FAULTS, NO_CARDS, NO_DRIVER, NOT_REPORTED, NOT_REPORTED_IN_MIG_MODE, Scope
from helios_core.telemetry.readings import VALUES, CardReading, ProcessReading
from tests.telemetry.fake_nvml import MIB, SUCCESS, FakeCard, FakeNvml, install

CODES = sorted(
    {value for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_") and isinstance(value, int)}
)
START_CALLS = ("nvmlInitWithFlags", "nvmlDeviceGetCount_v2")
CARD_CALLS = (
    "nvmlDeviceGetHandleByIndex_v2",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetName",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetArchitecture",
    "nvmlDeviceGetPciInfo_v3",
    "nvmlDeviceGetTemperatureThreshold",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetMarginTemperature",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetPerformanceState",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetFanSpeed",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
)
HOST_CALLS = ("nvmlSystemGetDriverVersion", "nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetProcessName")

Fleet = Callable[..., FakeNvml]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Makes a library of so many cards, and lets the binding find it."""

    def make(count: int = 1) -> FakeNvml:
        library = FakeNvml([FakeCard(uuid=f"GPU-{index}".encode()) for index in range(count)])
        install(library)
        return library

    yield make
    install(None)


def cards_of(driver: Driver, skip: frozenset[str] = frozenset()) -> list[CardReading]:
    """The cards of one sweep."""
    return [event for event in driver.sweep(skip) if isinstance(event, CardReading)]


def fail(call: str, code: int, indices: set[int] | None = None) -> Callable[[str, int | None], int]:
    """An interference: `call` returns `code`, for all cards or for those at `indices`."""
    return lambda name, index: code if name == call and (indices is None or index in indices) else SUCCESS


def test_a_card_says_what_it_is(fleet: Fleet) -> None:
    fleet()
    [card] = cards_of(Driver())
    identity = card.identity
    assert (identity.uuid, identity.index, identity.name) == ("GPU-0", 0, "NVIDIA H100 80GB HBM3")
    assert (identity.total_memory_mb, identity.reserved_memory_mb) == (81559, 479)
    assert (identity.compute_capability, identity.architecture) == ("9.0", "Hopper")
    assert (identity.driver_version, identity.cuda_version) == ("590.48.01", "13.1")
    assert identity.power_limit_watts == 700
    assert identity.pci_bus_id == "00000000:00:09.0"
    assert identity.slowdown_temperature_celsius == 92
    assert identity.shutdown_temperature_celsius == 97
    assert identity.max_temperature_celsius == 87


def test_a_reading_is_in_our_units(fleet: Fleet) -> None:
    fleet()
    reading = cards_of(Driver())[0].reading
    assert reading.utilization_percent == 100
    assert reading.memory_controller_percent == 11
    assert reading.memory_used_mb == 19818
    assert reading.power_watts == pytest.approx(631.95)
    assert (reading.sm_clock_mhz, reading.memory_clock_mhz) == (1980, 2619)
    assert (reading.temperature_celsius, reading.temperature_margin_celsius) == (59, 26)
    assert (reading.performance_state, reading.throttle_reasons, reading.fan_percent) == (0, 0, 41)
    assert reading.processes == ()
    assert (reading.unsupported, reading.gaps, reading.fault) == ({}, {}, None)


def test_every_code_of_the_binding_has_a_sentence() -> None:
    assert set(FAULTS) == set(CODES)
    assert len(FAULTS) == 31


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("call", CARD_CALLS)
def test_a_failing_call_reaches_only_its_card(fleet: Fleet, call: str, code: int) -> None:
    """31 codes x 21 calls x the first of three cards, before and after the cards were met."""
    for is_met in (False, True):
        library = fleet(3)
        driver = Driver()
        healthy = cards_of(driver) if is_met else []
        library.interfere = fail(call, code, {0})
        for _ in range(3):
            seen = {card.identity.uuid: card for card in cards_of(driver)}
            others = [seen["GPU-1"].reading, seen["GPU-2"].reading]
            assert all(other.fault is None and not other.gaps and other.utilization_percent == 100 for other in others)
            assert "GPU-0" in seen or (driver.note and not healthy)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("call", [*START_CALLS, *HOST_CALLS, *CARD_CALLS])
def test_a_call_that_fails_for_every_card_ends_in_readings_or_in_one_sentence(
    fleet: Fleet, call: str, code: int
) -> None:
    library = fleet(2)
    library.cards[0].compute = [(4711, 3 * MIB)]
    driver = Driver()
    library.interfere = fail(call, code)
    sentences: set[str] = set()
    for _ in range(3):
        try:
            cards = cards_of(driver)
        except HostFailed as failure:
            sentences.add(failure.fault.message)
        else:
            assert len(cards) == 2 or driver.note
    assert len(sentences) <= 1
    assert all(sentence.endswith(".") for sentence in sentences)
    library.interfere = lambda _call, _index: SUCCESS
    driver = Driver()
    assert all(card.is_answered for card in cards_of(driver))


@pytest.mark.parametrize("code", [code for code, fault in FAULTS.items() if fault.scope is Scope.METRIC])
def test_what_a_card_cannot_report_is_said_once_and_not_asked_again(fleet: Fleet, code: int) -> None:
    library = fleet(2)
    library.interfere = fail("nvmlDeviceGetFanSpeed", code, {1})
    driver = Driver()
    for _ in range(4):
        able, unable = cards_of(driver)
        assert able.reading.fan_percent == 41
        assert unable.reading.fan_percent is None
        assert unable.reading.unsupported == {"fan_percent": NOT_REPORTED}
    assert library.calls["nvmlDeviceGetFanSpeed", 0] == 4
    assert library.calls["nvmlDeviceGetFanSpeed", 1] == 1


def test_a_gap_is_asked_for_less_and_less_often_and_closes_by_itself(fleet: Fleet) -> None:
    library = fleet()
    library.interfere = fail("nvmlDeviceGetPowerUsage", pynvml.NVML_ERROR_TIMEOUT)
    driver = Driver()
    for _ in range(12):
        [card] = cards_of(driver)
        assert card.reading.power_watts is None
        assert card.reading.gaps == {"power_watts": "the driver did not answer in time"}
    assert library.calls["nvmlDeviceGetPowerUsage", 0] == 4  # in sweeps 1, 2, 4 and 8
    library.interfere = lambda _call, _index: SUCCESS
    readings = [cards_of(driver)[0].reading for _ in range(8)]
    assert readings[-1].power_watts == pytest.approx(631.95)
    assert readings[-1].gaps == {}


def test_a_lost_card_is_left_alone(fleet: Fleet) -> None:
    library = fleet(2)
    driver = Driver()
    cards_of(driver)
    library.interfere = fail("nvmlDeviceGetUtilizationRates", pynvml.NVML_ERROR_GPU_IS_LOST, {0})
    cards_of(driver)
    before = sum(library.calls[call, 0] for call, _ in list(library.calls))
    lost, healthy = cards_of(driver)
    assert lost.reading.fault == FAULTS[15]
    assert not lost.is_answered
    assert lost.identity.name == "NVIDIA H100 80GB HBM3"
    assert sum(library.calls[call, 0] for call, _ in list(library.calls)) == before
    assert healthy.reading.fault is None


def test_a_lost_card_is_known_by_what_it_said_before(fleet: Fleet) -> None:
    library = fleet(2)
    driver = Driver()
    cards_of(driver)
    library.interfere = fail("nvmlDeviceGetHandleByIndex_v2", pynvml.NVML_ERROR_GPU_IS_LOST, {1})
    library.cards.append(FakeCard(uuid=b"GPU-2"))  # the number changes, so every card is met anew
    first, lost, third = cards_of(driver)
    assert lost.identity.uuid == "GPU-1"
    assert lost.reading.fault == FAULTS[15]
    assert first.is_answered
    assert third.is_answered
    assert driver.note is None


def test_a_card_that_was_never_met_is_spoken_of(fleet: Fleet) -> None:
    library = fleet(2)
    library.interfere = fail("nvmlDeviceGetHandleByIndex_v2", pynvml.NVML_ERROR_GPU_IS_LOST, {1})
    driver = Driver()
    [card] = cards_of(driver)
    assert card.identity.uuid == "GPU-0"
    assert driver.note == f"GPU 1 cannot be read: {FAULTS[15].message}"


def test_an_older_driver_is_asked_in_the_older_way(fleet: Fleet) -> None:
    library = fleet()
    library.missing = {
        "nvmlDeviceGetMemoryInfo_v2",
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetComputeRunningProcesses_v3",
        "nvmlDeviceGetGraphicsRunningProcesses_v3",
    }
    library.cards[0].compute = [(7, 64 * MIB)]
    [card] = cards_of(Driver())
    assert card.identity.total_memory_mb == 81559
    assert card.identity.reserved_memory_mb is None
    assert card.reading.memory_used_mb == 19818 + 479
    assert card.reading.throttle_reasons == 0
    assert card.reading.processes == (ProcessReading(7, None, 64),)
    assert card.reading.unsupported == {}


def test_a_newer_driver_is_asked_in_the_newer_way(fleet: Fleet) -> None:
    library = fleet()
    library.interfere = fail("nvmlDeviceGetTemperature", pynvml.NVML_ERROR_DEPRECATED)
    assert cards_of(Driver())[0].reading.temperature_celsius == 59


def test_a_card_split_by_mig_says_why_it_has_no_utilisation(fleet: Fleet) -> None:
    library = fleet()
    library.cards[0].is_mig = True
    [card] = cards_of(Driver())
    assert card.reading.utilization_percent is None
    assert card.reading.unsupported["utilization_percent"] == NOT_REPORTED_IN_MIG_MODE
    assert card.reading.power_watts is not None
    assert library.calls["nvmlDeviceGetUtilizationRates", 0] == 0


def test_a_card_without_thresholds_still_tells_its_margin(fleet: Fleet) -> None:
    library = fleet()
    library.cards[0].thresholds = {}
    [card] = cards_of(Driver())
    assert card.identity.slowdown_temperature_celsius is None
    assert card.reading.temperature_margin_celsius == 26


def test_processes_of_both_kinds_are_one_list_with_names_read_leniently(fleet: Fleet) -> None:
    library = fleet()
    library.cards[0].compute = [(20, 512 * MIB), (10, None)]
    library.cards[0].graphics = [(20, 64 * MIB), (30, 32 * MIB)]
    library.process_names = {10: b"/opt/\xff\xfe/llama-server", 20: "/usr/bin/müller".encode()}
    [card] = cards_of(Driver())
    assert card.reading.processes == (
        ProcessReading(10, "/opt/��/llama-server", None),
        ProcessReading(20, "/usr/bin/müller", 512),
        ProcessReading(30, None, 32),
    )


def test_a_process_is_asked_for_its_name_once(fleet: Fleet) -> None:
    library = fleet()
    library.cards[0].compute = [(20, 512 * MIB)]
    library.process_names = {20: b"ollama"}
    driver = Driver()
    for _ in range(3):
        cards_of(driver)
    assert library.calls["nvmlSystemGetProcessName", None] == 1


@pytest.mark.parametrize(
    ("call", "number", "value"),
    [
        ("nvmlDeviceGetPowerUsage", 4_294_967_295, "power_watts"),
        ("nvmlDeviceGetTemperature", 4_294_967_295, "temperature_celsius"),
        ("nvmlDeviceGetPerformanceState", 32, "performance_state"),
        ("nvmlDeviceGetCurrentClocksEventReasons", (1 << 64) - 1, "throttle_reasons"),
    ],
)
def test_a_value_that_cannot_be_is_unknown(fleet: Fleet, call: str, number: int, value: str) -> None:
    library = fleet()
    library.cards[0].numbers[call] = number
    reading = cards_of(Driver())[0].reading
    assert getattr(reading, value) is None
    assert "cannot be" in reading.gaps[value]


def test_bytes_that_are_no_text_are_no_crash(fleet: Fleet) -> None:
    library = fleet()
    library.cards[0].name, library.cards[0].bus_id = b"\xff\xfeGPU", b"\xff\xff"
    [card] = cards_of(Driver())
    assert card.identity.name == "��GPU"
    assert card.identity.pci_bus_id is None


def test_without_a_driver_there_is_one_sentence() -> None:
    install(None)
    with pytest.raises(HostFailed) as failure:
        cards_of(Driver())
    assert failure.value.fault == NO_DRIVER


def test_a_driver_without_cards_is_told_apart(fleet: Fleet) -> None:
    fleet(0)
    with pytest.raises(HostFailed) as failure:
        cards_of(Driver())
    assert failure.value.fault == NO_CARDS


def test_nvml_that_forgot_its_initialisation_is_initialised_once_more(fleet: Fleet) -> None:
    library = fleet()
    driver = Driver()
    cards_of(driver)
    is_forgotten = True

    def forget(call: str, _index: int | None) -> int:
        nonlocal is_forgotten
        is_forgotten &= call != "nvmlInitWithFlags"
        return int(pynvml.NVML_ERROR_UNINITIALIZED) if is_forgotten else SUCCESS

    library.interfere = forget
    [card] = cards_of(driver)
    assert card.is_answered
    assert library.calls["nvmlInitWithFlags", None] == 2


def test_cards_may_change_their_places(fleet: Fleet) -> None:
    library = fleet(2)
    driver = Driver()
    cards_of(driver)
    library.cards = [FakeCard(uuid=b"GPU-new"), *library.cards]
    assert [(card.identity.uuid, card.identity.index) for card in cards_of(driver)] == [
        ("GPU-new", 0),
        ("GPU-0", 1),
        ("GPU-1", 2),
    ]


def test_skipped_cards_are_not_touched(fleet: Fleet) -> None:
    library = fleet(3)
    driver = Driver()
    cards_of(driver)
    library.calls.clear()
    assert [card.identity.uuid for card in cards_of(driver, frozenset({"GPU-0", "#2"}))] == ["GPU-1"]
    assert {index for _, index in library.calls} == {None, 1}


def test_a_card_without_any_answer_carries_the_reason_of_the_host(fleet: Fleet) -> None:
    library = fleet(2)
    driver = Driver()
    cards_of(driver)
    library.interfere = lambda _call, index: int(pynvml.NVML_ERROR_UNKNOWN) if index == 0 else SUCCESS
    silent, healthy = cards_of(driver)
    assert silent.reading.fault == FAULTS[999]
    assert set(VALUES) <= set(silent.reading.gaps)
    assert healthy.reading.fault is None
