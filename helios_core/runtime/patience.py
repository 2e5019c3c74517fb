"""Patience: how long to wait before a model is asked once more, and when that is not worth it.

Nobody else asks twice: clients of providers ask once, and the agent's own `max_retries` says how often it may fail.
"""

import random

from helios_core.errors import ProviderBusy, ProviderError

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
"""Where the provider does not say when to come back: twice as long each time, and up to half of it less by chance."""
LONGEST_WAIT_SECONDS = 60.0
"""A provider that asks to come back later than this is not waited for."""
WAIT_SECONDS = 120.0
"""How long one question may wait in all between its attempts."""


def pause_after(failures: int, error: ProviderError | None = None) -> float | None:
    """Seconds to wait after so many failures, the last of them by `error`; None: it is not worth it."""
    if error is not None and not error.worth_retrying:
        return None
    asked = error.retry_after_seconds if isinstance(error, ProviderBusy) else None
    if asked is not None:
        return asked if asked <= LONGEST_WAIT_SECONDS else None
    longest = min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - so that not all come back at once
