"""How a card fares: ok, warning, critical, lost or unknown, and the sentence that says why."""

from dataclasses import dataclass, field
from typing import Literal

from helios_core.telemetry.faults import Fault, Scope
from helios_core.telemetry.readings import CardReading, ThrottleReason, throttle_reasons

Health = Literal["ok", "warning", "critical", "lost", "unknown"]

WARNING_MARGIN_CELSIUS = 10
CRITICAL_MARGIN_CELSIUS = 3
CALM_SECONDS = 10.0
"""How long a card has to be better before it is called better: no flapping at a threshold."""
SILENT_READINGS = 3
"""How many readings without a value make a card unknown."""
FINE_AGAIN = "All values are normal again."

HARDWARE_LIMITS = {
    ThrottleReason.HARDWARE_THERMAL: "It is so hot that its hardware slows it down. Check fans and airflow.",
    ThrottleReason.POWER_BRAKE: "The power supply makes it slow down. Check the power supply.",
    ThrottleReason.HARDWARE_SLOWDOWN: "Its hardware slows it down, for heat or power. Check cooling and power supply.",
}
BADNESS: dict[Health, int] = {"ok": 0, "warning": 1, "critical": 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a card fares, and why where it is not well."""

    health: Health
    message: str | None = None


@dataclass(slots=True)
class _Watch:
    """What is remembered of a card."""

    verdict: Verdict = Verdict("unknown")
    silent_readings: int = 0
    better_since: float | None = None


@dataclass(slots=True)
class HealthWatch:
    """Judges reading after reading: worse counts at once, better once it has lasted, silence after a while."""

    _watches: dict[str, _Watch] = field(default_factory=dict)

    def judge(self, card: CardReading, now: float) -> Verdict:
        """How the card fares at `now`, in seconds."""
        watch = self._watches.setdefault(card.identity.uuid, _Watch())
        is_silent = not card.is_answered and card.reading.fault is None
        watch.silent_readings = watch.silent_readings + 1 if is_silent else 0
        if not is_silent:
            watch.verdict = self._settled(watch, verdict_on(card), now)
        elif watch.silent_readings >= SILENT_READINGS:
            watch.verdict = silence(card)
        return watch.verdict

    @staticmethod
    def _settled(watch: _Watch, seen: Verdict, now: float) -> Verdict:
        """What is seen, unless it is better and has not been for long."""
        before = watch.verdict
        if BADNESS.get(seen.health, 9) >= BADNESS.get(before.health, 0):
            watch.better_since = None
            return seen
        watch.better_since = now if watch.better_since is None else watch.better_since
        if now - watch.better_since < CALM_SECONDS:
            return before
        watch.better_since = None
        return seen


def verdict_on(card: CardReading) -> Verdict:
    """How the card fares by this reading alone."""
    if card.reading.fault is not None:
        return verdict_of(card.reading.fault)
    return _throttled(card) or _hot(card) or Verdict("ok")


def verdict_of(fault: Fault) -> Verdict:
    """How a card fares that has this fault."""
    healths: dict[Scope, Health] = {Scope.LOST: "lost", Scope.DEVICE: "critical"}
    return Verdict(healths.get(fault.scope, "unknown"), fault.message)


def silence(card: CardReading) -> Verdict:
    """How a card fares that gives no value."""
    reasons = sorted(set(card.reading.gaps.values()))
    return Verdict("unknown", f"No value at the last readings: {', '.join(reasons) or 'the card says nothing'}.")


def headroom_celsius(card: CardReading) -> int | None:
    """How far the card is below the temperature at which it slows down, by its own limits."""
    temperature, slowdown = card.reading.temperature_celsius, card.identity.slowdown_temperature_celsius
    if temperature is None or slowdown is None:
        return card.reading.temperature_margin_celsius
    return slowdown - temperature


def _throttled(card: CardReading) -> Verdict | None:
    """What the hardware does to save itself, the clearest reason first."""
    active = throttle_reasons(card.reading.throttle_reasons or 0)
    for reason, sentence in HARDWARE_LIMITS.items():
        if reason in active:
            return Verdict("critical", sentence)
    return None


def _hot(card: CardReading) -> Verdict | None:
    """What the temperature says, and the driver's own slowing down for it."""
    margin = headroom_celsius(card)
    if margin is not None and margin <= WARNING_MARGIN_CELSIUS:
        health: Health = "critical" if margin <= CRITICAL_MARGIN_CELSIUS else "warning"
        return Verdict(health, _heat(card.reading.temperature_celsius, margin))
    if ThrottleReason.THERMAL in throttle_reasons(card.reading.throttle_reasons or 0):
        return Verdict("warning", "The driver slows it down to keep it cool.")
    return None


def _heat(temperature_celsius: int | None, margin_celsius: int) -> str:
    """The temperature against the limit, in words."""
    now = "It" if temperature_celsius is None else f"{temperature_celsius} °C:"
    if margin_celsius <= 0:
        return f"{now} has reached the temperature at which it slows down."
    return f"{now} {margin_celsius} °C below the temperature at which it slows down."
