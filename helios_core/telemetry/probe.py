"""The probe: a process of its own that asks the driver, because a driver may hang it or take it along.

It reads one JSON line per sweep, `{"skip": [names of cards to leave alone]}`, and answers with lines: `{"at": name}`
before it turns to a card, `{"card": …}` when that card is read, `{"done": fault or null, "note": …}` at the end.
It ends when its input does. Run it as `python -m helios_core.telemetry.probe`.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from helios_core.telemetry.driver import Driver, HostFailed
from helios_core.telemetry.readings import card_to_wire

Tell = Callable[[dict[str, Any]], None]


def serve(orders: Iterable[str], tell: Tell) -> None:
    """Sweep once for each of the orders."""
    driver = Driver()
    for order in orders:
        sweep(driver, json.loads(order)["skip"], tell)


def sweep(driver: Driver, skip: list[str], tell: Tell) -> None:
    """Tell what one sweep brings, as it comes."""
    fault = None
    try:
        for event in driver.sweep(frozenset(skip)):
            tell({"at": event} if isinstance(event, str) else {"card": card_to_wire(event)})
    except HostFailed as failure:
        fault = asdict(failure.fault)
    tell({"done": fault, "note": driver.note})


def main() -> None:
    """Serve standard input, answering on what was standard output: a driver's library may print there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    serve(sys.stdin, tell)


if __name__ == "__main__":
    main()
