"""The record of a host in the database: which of its cards are enlisted, and how a sweep changes what is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import cpu_count, getpid, sysconf
from time import monotonic

from sqlalchemy.orm import Session

from helios_core.telemetry import store
from helios_core.telemetry.attribution import claims_on, write_usage
from helios_core.telemetry.faults import MISSING
from helios_core.telemetry.health import Verdict, verdict_of
from helios_core.telemetry.readings import CardReading, Sweep
from helios_core.telemetry.simulated import Promised
from helios_core.telemetry.store import Enlisted, Sample

PROCESSES_EVERY_SECONDS = 10.0
"""How often processes are written that have not changed."""
REAL_CARDS_EVERY_SECONDS = 10.0
"""How often the inventory is searched for real cards, which switch simulated ones off."""
ANSWERS_AGAIN = "The NVIDIA driver answers again."


@dataclass(slots=True)
class Entry:
    """A sweep on its way into the database, and what it says of each card's health, by UUID.

    It gets its time by the database's clock, once and for all, so that a second attempt writes the same samples.
    """

    sweep: Sweep
    verdicts: dict[str, Verdict]
    sampled_at: datetime | None = None


class HostRecord:
    """What the database has of one host. `forget` it after a failed transaction: it may be ahead of the database."""

    def __init__(self, host: str, interval_seconds: float) -> None:
        self._host = host
        self._interval_seconds = interval_seconds
        self._inventory: dict[str, Enlisted] | None = None
        self._message: str | None = None
        self._processes: object = None
        self._processes_due_at = float("-inf")
        self._real_cards_due_at = float("-inf")
        self._started_at: datetime | None = None
        self.knows_real_cards: bool | None = None
        self.promised: Promised | None = None
        """What simulated cards have to show."""

    @property
    def gpu_ids(self) -> list[int]:
        """The enlisted cards of this host."""
        return [enlisted.id for enlisted in (self._inventory or {}).values()]

    def forget(self) -> None:
        """Read everything anew at the next opportunity."""
        self._inventory = self._processes = None

    def load(self, session: Session) -> None:
        """Read what the database has, where that is not known."""
        if self._inventory is None:
            self._inventory = store.inventory_of(session, self._host)
            self._message = store.last_message(session, self._host)
            self._look_for_real_cards(session)

    def _look_for_real_cards(self, session: Session) -> None:
        """See now and then whether a real card has joined, of this host or another."""
        if monotonic() >= self._real_cards_due_at:
            self.knows_real_cards = store.has_real_cards(session)
            self._real_cards_due_at = monotonic() + REAL_CARDS_EVERY_SECONDS

    def write(self, session: Session, entries: Sequence[Entry]) -> datetime:
        """Write these sweeps, the oldest first; returns the time of the oldest."""
        self.load(session)
        now = store.database_now(session)
        self._look_for_real_cards(session)
        for entry in entries:
            age = timedelta(seconds=monotonic() - entry.sweep.taken_at)
            entry.sampled_at = entry.sampled_at or now - age
        samples = [sample for entry in entries for sample in self._take(session, entry, entry.sampled_at or now)]
        latest = list({sample.gpu_id: sample for sample in samples}.values())
        store.write_samples(session, samples)
        store.write_current(session, latest)
        self._write_processes(session, latest, now)
        self._beat(session, entries[-1].sweep, now)
        return entries[0].sampled_at or now

    def _take(self, session: Session, entry: Entry, sampled_at: datetime) -> list[Sample]:
        """Bring inventory, health and events up to this sweep; returns its samples."""
        samples = []
        for card in entry.sweep.cards:
            verdict = entry.verdicts[card.identity.uuid]
            enlisted = self._enlisted(session, card, verdict)
            if enlisted is None:
                continue
            store.describe(session, enlisted, card)
            store.record_verdict(session, enlisted, verdict, sampled_at)
            if card.is_answered:
                samples.append(Sample(enlisted.id, sampled_at, card))
        if entry.sweep.is_complete:
            self._note_absent(session, entry.sweep, sampled_at)
            self._note_host(session, entry.sweep, sampled_at)
        return samples

    def _enlisted(self, session: Session, card: CardReading, verdict: Verdict) -> Enlisted | None:
        """The card in the inventory, where it joins as soon as its memory is known."""
        inventory = self._inventory if self._inventory is not None else {}
        if card.identity.uuid not in inventory and card.identity.total_memory_mb is not None:
            adopted = store.adopt(session, self._host, card.identity.uuid)
            inventory[card.identity.uuid] = adopted or store.enlist(session, self._host, card, verdict)
            self.knows_real_cards = self.knows_real_cards or not card.identity.is_simulated
        return inventory.get(card.identity.uuid)

    def _note_absent(self, session: Session, sweep: Sweep, at: datetime) -> None:
        """Say why enlisted cards are not among those seen; simulated ones are switched off."""
        seen = {card.identity.uuid for card in sweep.cards}
        unread = Verdict("unknown", sweep.note) if sweep.note else verdict_of(MISSING)
        verdict = unread if sweep.fault is None else verdict_of(sweep.fault)
        for uuid, enlisted in (self._inventory or {}).items():
            if uuid in seen:
                continue
            if enlisted.is_simulated:
                store.retire(session, enlisted)
            else:
                store.record_verdict(session, enlisted, verdict, at)

    def _note_host(self, session: Session, sweep: Sweep, at: datetime) -> None:
        """Note an event where the driver stopped to answer, or answers again."""
        before, self._message = self._message, message_of(sweep)
        if self._message == before:
            return
        if sweep.fault is not None:
            store.record_event(session, None, "unknown", sweep.fault.message, at)
        elif before is not None and self._message is None:
            store.record_event(session, None, "ok", ANSWERS_AGAIN, at)

    def _write_processes(self, session: Session, latest: Iterable[Sample], now: datetime) -> None:
        """Write the processes where they have changed, and now and then to say that they are still there."""
        telling = [sample for sample in latest if sample.card.reading.processes is not None]
        processes = [(sample.gpu_id, sample.card.reading.processes) for sample in telling]
        if not telling or (processes == self._processes and monotonic() < self._processes_due_at):
            return
        store.write_processes(session, telling, now)
        write_usage(session, {sample.gpu_id: sample.card.reading.processes or () for sample in telling})
        self.promised = self._promised(session)
        self._processes, self._processes_due_at = processes, monotonic() + PROCESSES_EVERY_SECONDS

    def _promised(self, session: Session) -> Promised | None:
        """By simulated card: the models that agents were promised there, with MiB; None where nobody was."""
        indexes = {e.id: e.nvml_index for e in (self._inventory or {}).values() if e.nvml_index is not None}
        found: dict[int, dict[str, int]] = {}
        for gpu_id, claims in claims_on(session, indexes.keys()).items():
            models = found.setdefault(indexes[gpu_id], {})
            for claim in claims:
                model = claim.model_name or "a model"
                models[model] = models.get(model, 0) + claim.promised_mib
        return found or None

    def _beat(self, session: Session, sweep: Sweep, now: datetime) -> None:
        """Note that this collector lives, and what is wrong with its host."""
        self._started_at = self._started_at or now
        beat = {
            "host": self._host,
            "pid": getpid(),
            "interval_seconds": self._interval_seconds,
            "is_simulated": any(card.identity.is_simulated for card in sweep.cards),
            "started_at": self._started_at,
            "last_success_at": now,
            "message": message_of(sweep),
            "host_cpu_cores": cpu_count(),
            "host_memory_mb": host_memory_mb(),
        }
        store.beat(session, beat)


def host_memory_mb() -> int | None:
    """The memory of this machine in MiB; None where the system does not tell."""
    try:
        return sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES") // 2**20 or None
    except (ValueError, OSError):
        return None


def message_of(sweep: Sweep) -> str | None:
    """What a sweep says of its host."""
    return sweep.note if sweep.fault is None else sweep.fault.message
