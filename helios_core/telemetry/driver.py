"""A session with the NVIDIA driver: which cards there are, and what each says, whatever goes wrong with the others."""

from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from helios_core.telemetry import nvml
from helios_core.telemetry.faults import FORGOTTEN, MISSING, NO_CARDS, NOT_REPORTED_IN_MIG_MODE, Fault, Scope
from helios_core.telemetry.nvml import CallFailed, Question
from helios_core.telemetry.readings import VALUES, CardReading, DeviceIdentity, ProcessReading, Reading

ENUMERATE_EVERY_SECONDS = 60.0
LONGEST_PAUSE_SWEEPS = 30
PAUSED_BY = {Scope.SAMPLE, Scope.OURS, Scope.PROCESS}
SHARED = {Scope.HOST, Scope.OURS}
"""What is wrong with more than one card, if it is wrong at all."""

POSSIBLE: dict[str, tuple[float, float]] = {
    "total_memory_mb": (1, 1 << 30),
    "reserved_memory_mb": (0, 1 << 30),
    "power_limit_watts": (1, 10_000),
    "slowdown_temperature_celsius": (1, 200),
    "shutdown_temperature_celsius": (1, 200),
    "max_temperature_celsius": (1, 200),
    "utilization_percent": (0, 100),
    "memory_controller_percent": (0, 100),
    "memory_used_mb": (0, 1 << 30),
    "temperature_celsius": (-60, 200),
    "temperature_margin_celsius": (-200, 200),
    "power_watts": (0, 10_000),
    "sm_clock_mhz": (0, 100_000),
    "memory_clock_mhz": (0, 100_000),
    "fan_percent": (0, 255),
    "performance_state": (0, 15),
    "throttle_reasons": (0, (1 << 63) - 1),
}
"""The least and the most that a value can be. Drivers answer with sentinels and garbage, too, which are no values."""

MEASURED = (*VALUES, "temperature_margin_celsius")
SAID = (*MEASURED, "processes")
"""What a reading holds, and has to give a reason for where it is missing."""


class HostFailed(Exception):
    """The driver does not answer for any card."""

    def __init__(self, fault: Fault) -> None:
        message = fault.message if fault.scope is Scope.HOST else f"The NVIDIA driver cannot be asked: {fault.message}."
        self.fault = Fault(Scope.HOST, message)
        super().__init__(message)


@dataclass(slots=True)
class Answers:
    """What a card said: values, and for each that is missing the fault that kept it."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    def take(self, question: Question, answer: tuple[Any, ...]) -> None:
        """Keep those of the answer's values that can be."""
        for name, value in zip(question.values, answer, strict=True):
            if is_possible(name, value):
                self.values[name] = value
            else:
                self.faults[name] = Fault(Scope.SAMPLE, "the GPU gave a value that cannot be")

    def gravest(self) -> Fault | None:
        """What is wrong with the card as a whole. What cards share counts only where this one said nothing."""
        is_silent = all(self.values.get(name) is None for name in VALUES)
        for scope in (Scope.LOST, Scope.DEVICE, Scope.HOST, Scope.OURS):
            for fault in self.faults.values():
                if fault.scope is scope and (is_silent or scope not in SHARED):
                    return fault
        return None

    def reasons(self, *, are_lasting: bool) -> dict[str, str]:
        """Why values are missing: for ever, or this time."""
        return {
            name: fault.message
            for name, fault in self.faults.items()
            if name in SAID and (fault.scope is Scope.METRIC) is are_lasting
        }


def is_possible(name: str, value: object) -> bool:
    """Whether `value` lies in the range of what is called `name`."""
    if name not in POSSIBLE or value is None:
        return True
    least, most = POSSIBLE[name]
    return isinstance(value, int | float) and least <= value <= most


@dataclass(slots=True)
class Card:
    """One card, and what was learnt about how to ask it."""

    uuid: str
    index: int
    handle: nvml.Handle
    is_mig: bool = False
    is_doubtful: bool = False
    """Whether the driver took the handle for no card's, so that it has to be fetched again."""
    lost: Fault | None = None
    identity: DeviceIdentity | None = None
    process_names: dict[int, str | None] = field(default_factory=dict)
    unsupported: dict[Question, Fault] = field(default_factory=dict)
    variants: dict[Question, int] = field(default_factory=dict)
    pauses: dict[Question, tuple[int, int, Fault]] = field(default_factory=dict)
    """By question: failures in a row, sweeps to wait before it is asked again, the last failure."""

    def ask_all(self, questions: Iterable[Question]) -> Answers:
        """Ask `questions` in turn. A lost card is not asked any further."""
        answers = Answers()
        for question in questions:
            outcome = self.lost or self._ask(question)
            if isinstance(outcome, Fault):
                answers.faults.update(dict.fromkeys(question.values, outcome))
                self.lost = outcome if outcome.scope is Scope.LOST else None
            else:
                answers.take(question, outcome)
        return answers

    def _ask(self, question: Question) -> tuple[Any, ...] | Fault:
        """Ask `question`, unless it is known to have no answer, or has had none lately."""
        if self.is_mig and question is nvml.UTILIZATION:
            return Fault(Scope.METRIC, NOT_REPORTED_IN_MIG_MODE)
        if question in self.unsupported:
            return self.unsupported[question]
        failures, wait, fault = self.pauses.get(question, (0, 0, None))
        if wait and fault:
            self.pauses[question] = (failures, wait - 1, fault)
            return fault
        outcome = self._try_variants(question)
        self._learn(question, outcome, failures)
        return outcome

    def _try_variants(self, question: Question) -> tuple[Any, ...] | Fault:
        """Ask in the newest way that this driver knows."""
        first = self.variants.get(question, 0)
        for variant in range(first, len(question.variants)):
            try:
                answer = question.ask(variant, self.handle)
            except CallFailed as failure:
                fault = failure.fault
                if fault.scope is not Scope.METRIC:
                    break
            else:
                self.variants[question] = variant
                return answer
        return fault

    def _learn(self, question: Question, outcome: tuple[Any, ...] | Fault, failures: int) -> None:
        """Never ask again what is not supported; ask less and less often what fails again and again."""
        self.pauses.pop(question, None)
        if not isinstance(outcome, Fault):
            return
        self.is_doubtful |= outcome.scope is Scope.OURS or outcome == MISSING
        if outcome.scope is Scope.METRIC:
            self.unsupported[question] = outcome
        elif outcome.scope in PAUSED_BY:
            self.pauses[question] = (failures + 1, min(2**failures - 1, LONGEST_PAUSE_SWEEPS), outcome)

    def identify(self, driver_version: str | None, cuda_version: str | None) -> DeviceIdentity:
        """What the card says of itself; what it does not say now, it may have said before."""
        values = self.ask_all(nvml.IDENTITY).values
        self.is_mig = values.pop("is_mig", None) or False
        values.pop("memory_used_mb", None)
        known = {name: _tidy(name, value) for name, value in values.items() if value is not None}
        before = self.identity or DeviceIdentity(uuid=self.uuid, index=self.index, name="NVIDIA GPU")
        return replace(before, **known, index=self.index, driver_version=driver_version, cuda_version=cuda_version)

    def read(self) -> Reading:
        """What the card measures now."""
        answers = self.ask_all(nvml.READING)
        processes = self._processes(answers)
        return Reading(
            **{name: _tidy(name, answers.values.get(name)) for name in MEASURED},
            processes=processes,
            unsupported=answers.reasons(are_lasting=True),
            gaps=answers.reasons(are_lasting=False),
            fault=answers.gravest(),
        )

    def _processes(self, answers: Answers) -> tuple[ProcessReading, ...] | None:
        """The processes of both lists, each once; None where the card gives neither list."""
        lists = [answers.values.get("compute_processes"), answers.values.get("graphics_processes")]
        if lists == [None, None]:
            answers.faults["processes"] = answers.faults["compute_processes"]
            return None
        memory: dict[int, int | None] = {}
        for pid, used_bytes in (process for given in lists for process in given or ()):
            memory[pid] = max((known for known in (memory.get(pid), used_bytes) if known is not None), default=None)
        names = self.process_names
        self.process_names = {pid: names[pid] if pid in names else nvml.process_name(pid) for pid in memory}
        return tuple(ProcessReading(pid, self.process_names[pid], _possible_mib(memory[pid])) for pid in sorted(memory))


def _tidy(name: str, value: Any) -> Any:  # noqa: ANN401
    """Numbers are whole, but power."""
    return round(value) if isinstance(value, float) and "watts" not in name else value


def _possible_mib(used_bytes: int | None) -> int | None:
    used_mib = None if used_bytes is None else round(used_bytes / nvml.MIB)
    return used_mib if is_possible("memory_used_mb", used_mib) else None


class Driver:
    """The driver of this host. The first sweep opens the session."""

    def __init__(self) -> None:
        self._is_open = False
        self._known: dict[str, Card] = {}
        self._seats: dict[int, Card] = {}
        self._unreadable: dict[int, Fault] = {}
        self._versions: tuple[str | None, str | None] = (None, None)
        self._enumerated_at = float("-inf")
        self._count = 0

    @property
    def note(self) -> str | None:
        """What to say of cards that could not even be identified."""
        sentences = [f"GPU {index} cannot be read: {fault.message}" for index, fault in self._unreadable.items()]
        return " ".join(sentences) or None

    def sweep(self, skip: Collection[str] = ()) -> Iterator[str | CardReading]:
        """Read every card: yields whom it turns to, as `#index` and as UUID, and then the reading.

        Cards that `skip` names in either way are left alone. A driver that forgot us, as after a reload, is opened
        once more, and the cards come again. Raises HostFailed where the driver answers for none.
        """
        for is_reopened in (False, True):
            fault = yield from self._round(skip)
            if fault is None:
                return
            if is_reopened or fault != FORGOTTEN:
                raise HostFailed(fault)
            self._is_open = False

    def _round(self, skip: Collection[str]) -> Generator[str | CardReading, None, Fault | None]:
        """Read every card once; returns what keeps all of them from being read."""
        try:
            self._look_around()
        except CallFailed as failure:
            return failure.fault
        faults: list[Fault | None] = []
        for index in range(self._count):
            for event in self._read(index, skip):
                if isinstance(event, CardReading):
                    faults.append(event.reading.fault)
                yield event
        faults += self._unreadable.values()
        is_shared = bool(faults) and all(fault is not None and fault.scope in SHARED for fault in faults)
        return faults[0] if is_shared else None

    def _look_around(self) -> None:
        """Open the session, count the cards, and meet them anew where their number changed or a minute has gone.

        Raises CallFailed.
        """
        if not self._is_open:
            nvml.start()
            self._is_open, self._enumerated_at = True, float("-inf")
        count = nvml.count()
        if count == 0:
            raise CallFailed(NO_CARDS)
        if count != self._count or monotonic() - self._enumerated_at > ENUMERATE_EVERY_SECONDS:
            self._count, self._enumerated_at = count, monotonic()
            self._seats, self._unreadable = {}, {}
            self._versions = nvml.versions()

    def _read(self, index: int, skip: Collection[str]) -> Iterator[str | CardReading]:
        """Meet the card at `index` where it is new, and read it."""
        seated = self._seats.get(index)
        if f"#{index}" in skip or (seated and seated.uuid in skip):
            return
        yield f"#{index}"
        try:
            card = seated or self._meet(index)
        except CallFailed as failure:
            yield from self._unmet(index, failure.fault)
            return
        if card.uuid in skip:
            return
        yield card.uuid
        if not seated or card.identity is None:
            card.identity = card.identify(*self._versions)
        self._seats[index] = card
        yield CardReading(card.identity, card.read())
        if card.is_doubtful:
            del self._seats[index]

    def _meet(self, index: int) -> Card:
        """The card at `index` with a fresh handle, and with what was learnt about it before."""
        handle, uuid = nvml.meet(index)
        self._unreadable.pop(index, None)
        card = self._known.setdefault(uuid, Card(uuid=uuid, index=index, handle=handle))
        card.index, card.handle, card.lost, card.is_doubtful = index, handle, None, False
        return card

    def _unmet(self, index: int, fault: Fault) -> Iterator[CardReading]:
        """The card that was at `index` before, if one was, with what keeps it from being read now."""
        grave = MISSING if fault.scope in {Scope.METRIC, Scope.SAMPLE, Scope.PROCESS} else fault
        before = [card.identity for card in self._known.values() if card.index == index and card.identity]
        if not before:
            self._unreadable[index] = grave
        yield from (CardReading(identity, Reading(fault=grave)) for identity in before)
