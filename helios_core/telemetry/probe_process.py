"""The probe's keeper: starts it, gives it two seconds a sweep, kills it when it hangs, and leaves out who hung it."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Any

from helios_core.telemetry.faults import PROBE_STUCK, STOPS_PROBE, Fault
from helios_core.telemetry.readings import (
    VALUES,
    CardReading,
    DeviceIdentity,
    Reading,
    Sweep,
    card_from_wire,
    fault_from_wire,
)

COMMAND = (sys.executable, "-m", "helios_core.telemetry.probe")
SWEEP_SECONDS = 2.0
START_SECONDS = 15.0
"""How long a fresh probe may take to its first word: opening a cold driver takes seconds."""
RETRY_SECONDS = 60.0
"""How long a host that does not answer is left alone."""
SKIP_SECONDS = (5.0, 60.0, 300.0)
"""How long a card is left out after it stopped the probe once, twice, and more often in a row."""
NO_ANSWER = "the driver did not answer in time"
MOST_STUCK = 3
"""Probes that a kill does not end, because they hang inside the kernel; more are not started."""


@dataclass(slots=True)
class Suspect:
    """A card that stopped the probe."""

    names: set[str]
    strikes: int = 0
    skipped_until: float = float("-inf")


@dataclass(slots=True)
class Exchange:
    """What the probe said in one sweep."""

    cards: dict[str, CardReading] = field(default_factory=dict)
    at: str | None = None
    is_done: bool = False
    fault: Fault | None = None
    note: str | None = None

    def hear(self, message: dict[str, Any]) -> None:
        """Take in one line."""
        if "at" in message:
            self.at = message["at"]
        elif "card" in message:
            card = card_from_wire(message["card"])
            self.cards[card.identity.uuid], self.at = card, None
        else:
            self.is_done, self.fault, self.note = True, fault_from_wire(message["done"]), message["note"]


class ProbeProcess:
    """The child process that owns NVML, however often it has to be started anew."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_fresh = True
        self._heard = b""
        self._stuck: list[subprocess.Popen[bytes]] = []
        self._suspects: dict[str, Suspect] = {}
        self._identities: dict[str, DeviceIdentity] = {}
        self._stops_in_a_row = 0
        self._rests_until = float("-inf")
        self._resting_fault: Fault | None = None

    def sweep(self, stop: Event) -> Sweep:
        """Read every card. Takes two seconds at most once the probe runs, and ends at once when `stop` is set."""
        taken_at = monotonic()
        if taken_at < self._rests_until:
            return Sweep(taken_at, fault=self._resting_fault)
        skipped = [suspect for suspect in self._suspects.values() if taken_at < suspect.skipped_until]
        exchange = self._exchange(sorted({name for suspect in skipped for name in suspect.names}), stop)
        if exchange.is_done:
            return self._finished(taken_at, exchange)
        self.close()
        return Sweep(taken_at, is_complete=False) if stop.is_set() else self._stopped(taken_at, exchange)

    @property
    def pid(self) -> int | None:
        """The process id of the probe, while one runs."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the probe. One that hangs inside the kernel is left to it."""
        process, self._process, self._heard = self._process, None, b""
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self._stuck.append(process)

    def _finished(self, taken_at: float, exchange: Exchange) -> Sweep:
        """The sweep of a probe that came to its end."""
        self._stops_in_a_row = 0
        if exchange.fault is not None:
            return self._rest(taken_at, exchange.fault)
        for uuid, card in exchange.cards.items():
            self._identities[uuid] = card.identity
            self._suspects.pop(uuid, None)
        return self._seen(taken_at, exchange)

    def _stopped(self, taken_at: float, exchange: Exchange) -> Sweep:
        """The sweep of a probe that hung or crashed: what it had said until then, and a suspect."""
        self._stops_in_a_row += 1
        if exchange.at is None and self._stops_in_a_row > 1:
            return self._rest(taken_at, PROBE_STUCK)
        if exchange.at is not None:
            self._accuse(exchange.at)
        return self._seen(taken_at, exchange)

    def _rest(self, taken_at: float, fault: Fault) -> Sweep:
        """Leave the driver alone for a while; the next probe loads its library anew."""
        self.close()
        self._rests_until, self._resting_fault = monotonic() + RETRY_SECONDS, fault
        return Sweep(taken_at, fault=fault)

    def _accuse(self, name: str) -> None:
        """Leave the card called `name`, by its UUID or as `#index`, out for a while."""
        by_index = {f"#{identity.index}": uuid for uuid, identity in self._identities.items()}
        suspect = self._suspects.setdefault(by_index.get(name, name), Suspect(names=set()))
        suspect.names |= {name, by_index.get(name, name)}
        suspect.strikes += 1
        rest_seconds = SKIP_SECONDS[min(suspect.strikes, len(SKIP_SECONDS)) - 1]
        suspect.skipped_until = monotonic() + rest_seconds

    def _seen(self, taken_at: float, exchange: Exchange) -> Sweep:
        """What was heard, and the suspects: one that stopped the probe once may have been unlucky."""
        unheard = {name: suspect for name, suspect in self._suspects.items() if name not in exchange.cards}
        left_out = [
            CardReading(
                self._identities[uuid],
                Reading(gaps=dict.fromkeys(VALUES, NO_ANSWER), fault=STOPS_PROBE if suspect.strikes > 1 else None),
            )
            for uuid, suspect in unheard.items()
            if uuid in self._identities
        ]
        nameless = [f"GPU {name}: {STOPS_PROBE.message}" for name in unheard if name not in self._identities]
        notes = [exchange.note] if exchange.note else []
        cards = (*exchange.cards.values(), *left_out)
        return Sweep(taken_at, cards, note=" ".join(notes + nameless) or None, is_complete=exchange.is_done)

    def _exchange(self, skip: list[str], stop: Event) -> Exchange:
        """Ask for a sweep and listen until it is done, the probe is gone, the time is up or `stop` is set."""
        exchange = Exchange()
        process = self._process or self._start()
        if process is None or process.stdin is None or process.stdout is None:
            return exchange
        try:
            process.stdin.write(json.dumps({"skip": skip}).encode() + b"\n")
            self._listen(process.stdout.fileno(), exchange, stop)
        except (OSError, ValueError, KeyError, TypeError):
            return exchange  # A probe that has gone, or that talks nonsense, is started anew.
        return exchange

    def _listen(self, pipe: int, exchange: Exchange, stop: Event) -> None:
        """Hear line after line. A fresh probe meets cold cards: it gets its two seconds for each line."""
        deadline = monotonic() + (START_SECONDS if self._is_fresh else SWEEP_SECONDS)
        while not exchange.is_done and not stop.is_set() and monotonic() < deadline:
            if not select.select([pipe], [], [], min(0.1, max(0.0, deadline - monotonic())))[0]:
                continue
            heard = os.read(pipe, 1 << 16)
            if not heard:
                return
            *lines, self._heard = (self._heard + heard).split(b"\n")
            for line in lines:
                exchange.hear(json.loads(line))
            if self._is_fresh:
                deadline = monotonic() + SWEEP_SECONDS
        self._is_fresh &= not exchange.is_done

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Start a probe; None where too many hang in the kernel already."""
        self._stuck = [process for process in self._stuck if process.poll() is None]
        if len(self._stuck) >= MOST_STUCK:
            return None
        self._is_fresh = True
        self._process = subprocess.Popen(self._command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process
