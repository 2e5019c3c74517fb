"""Signals that ask this process to stop."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_SECONDS = 0.5
"""A launcher may pass on the Ctrl-C that the terminal sent us as well: so soon, it is the same one."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise KeyboardInterrupt at each request to stop, however it comes; a second one while stopping asks for haste."""
    asked_at = float("-inf")

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if now - asked_at > SAME_SECONDS:
            asked_at = now
            raise KeyboardInterrupt

    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup asks
    previous = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
