"""Numbers, times and names as a reader sees them. Nothing known is shown as "n/a", never as 0."""

import re
from datetime import datetime, timedelta
from math import isfinite
from zoneinfo import ZoneInfo

NA = "n/a"


def duration(value: float | timedelta | None) -> str:
    """A span of seconds: "340 ms", "1.2 s", "3 m 05 s", "2 h 05 m", "3 d 04 h"."""
    if value is None:
        return NA
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 0 or not isfinite(seconds):
        return NA
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds else "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    return _long_duration(round(seconds))


def _long_duration(seconds: int) -> str:
    units = (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1))
    unit, length, smaller, rest = next(found for found in units if seconds >= found[1])
    remainder = seconds % length // rest
    return f"{seconds // length} {unit}" + (f" {remainder:02d} {smaller}" if remainder else "")


def age(at: datetime | None, now: datetime) -> str:
    """How long ago `at` was, in its largest unit: "4 s ago", "12 min ago", "3 h ago", "5 d ago"."""
    if at is None:
        return NA
    seconds = max(0, int((now - at).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def clock(at: datetime | None, zone: ZoneInfo) -> str:
    """The time of day, to the second, in the reader's zone."""
    return NA if at is None else at.astimezone(zone).strftime("%H:%M:%S")


def date_and_time(at: datetime | None, zone: ZoneInfo) -> str:
    """Date and time to the minute in the reader's zone: "2026-11-22 12:38"."""
    return NA if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def memory(mebibytes: float | None) -> str:
    """Memory given in MiB: in GiB, and in MiB below one GiB."""
    if mebibytes is None:
        return NA
    return f"{mebibytes:.0f} MiB" if abs(mebibytes) < 1024 else f"{mebibytes / 1024:.1f} GiB"


def memory_of(used_mebibytes: float | None, total_mebibytes: float | None) -> str:
    """Used of total, both given in MiB: "8.1 of 11.9 GiB"."""
    if used_mebibytes is None or total_mebibytes is None:
        return f"{memory(used_mebibytes)} of {memory(total_mebibytes)}"
    return f"{used_mebibytes / 1024:.1f} of {total_mebibytes / 1024:.1f} GiB"


def size(octets: float | None) -> str:
    """A number of bytes on a disk or in a database: "8.2 MiB"."""
    if octets is None:
        return NA
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(octets) < 1024:
            return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1024
    return f"{octets:.1f} TiB"


def watts(value: float | None) -> str:
    """Power in W."""
    return NA if value is None else f"{value:.0f} W"


def watt_hours(value: float | None) -> str:
    """Energy given in Wh: "1.9 Wh", "2.41 kWh"."""
    if value is None:
        return NA
    return f"{value:.1f} Wh" if abs(value) < 1000 else f"{value / 1000:.2f} kWh"


def celsius(value: float | None) -> str:
    """Temperature in °C."""
    return NA if value is None else f"{value:.0f} °C"


def megahertz(value: float | None) -> str:
    """A clock in MHz."""
    return NA if value is None else f"{value:.0f} MHz"


def percent(value: float | None) -> str:
    """A share that is given in percent."""
    return NA if value is None else f"{value:.0f} %"


def share(ratio: float | None) -> str:
    """A share that is given as a ratio from 0 to 1, in percent."""
    return percent(None if ratio is None else ratio * 100)


def score(value: float | None) -> str:
    """A score from 0 to 1: "0.72"."""
    return NA if value is None else f"{value:.2f}"


def count(value: float | None) -> str:
    """How many, shortened from ten thousand on: "843", "9,214", "48.2 k", "1.3 M"."""
    if value is None:
        return NA
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    return f"{value / 1000:.1f} k" if abs(value) < 1_000_000 else f"{value / 1_000_000:.1f} M"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun: "1 agent", "12 agents"."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def words(name: str) -> str:
    """A name as the code writes it, as people write it: "in_progress" is "in progress"."""
    return name.replace("_", " ")


def title(name: str) -> str:
    """An id as a name: "project_manager" is "Project Manager"; what has capitals or spaces stays as it is."""
    return name if name != name.lower() or " " in name else words(name).title()


def initials(name: str) -> str:
    """Two letters for a face: "Technical Expert" is "TE", "Solo" is "SO"."""
    parts = re.findall(r"[^\W_]+", name)
    if not parts:
        return "?"
    letters: str = parts[0][0] + parts[1][0] if len(parts) > 1 else parts[0][:2]
    return letters.upper()
