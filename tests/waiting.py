"""Waiting for what comes to hold soon."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], object], within_seconds: float = 10.0) -> bool:
    """Whether it comes to hold in time."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False
