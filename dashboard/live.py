"""What keeps open pages alive: one cache of views for all viewers, and fragments that run again every tick."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from threading import Lock
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from dashboard.render import plain
from dashboard.workspace import workspace
from helios_core.errors import DatabaseUnavailable, HeliosError

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

TICK_SECONDS = 0.9
"""How long a reading serves all viewers: a little less than the fastest refresh."""
KEPT_SECONDS = 600.0
"""How long a reading that nobody asked for stays, to be shown while the database is away."""
RETRY_SECONDS = 2.0
"""How long a database that did not answer is left alone."""

RANGES = {"15 m": timedelta(minutes=15), "1 h": timedelta(hours=1), "24 h": timedelta(days=1), "7 d": timedelta(days=7)}
REFRESHES = {"off": None, "1 s": 1.0, "5 s": 5.0, "30 s": 30.0}
DEFAULT_RANGE = "15 m"
DEFAULT_REFRESH = "1 s"


@dataclass
class Reading:
    """The last good value of one view for one principal."""

    filling: Lock = field(default_factory=Lock)
    value: Any = None
    read_at: float | None = None
    used_at: float = 0.0

    def is_fresh(self, now: float) -> bool:
        """Whether the value is of the present tick."""
        return self.read_at is not None and now - self.read_at < TICK_SECONDS


class SharedViews:
    """Views of the database, each read at most once per tick for all who may see the same.

    The key holds the whole principal, so that no reader sees what was read on behalf of another.
    """

    def __init__(self) -> None:
        self._readings: dict[Hashable, Reading] = {}
        self._lock = Lock()
        self.failed_at: float | None = None
        self.failing_since: datetime | None = None

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """The value under `key`: of this tick, or the last good one while the database is away."""
        now = monotonic()
        reading = self._reading(key, now)
        if reading.is_fresh(now) or (reading.read_at is not None and self._is_resting(now)):
            return reading.value  # type: ignore[no-any-return]
        if not reading.filling.acquire(blocking=reading.read_at is None):
            return reading.value  # type: ignore[no-any-return]
        try:
            return self._fill(reading, load)
        finally:
            reading.filling.release()

    def _fill(self, reading: Reading, load: Callable[[], Value]) -> Value:
        if reading.is_fresh(monotonic()):
            return reading.value  # type: ignore[no-any-return]
        try:
            value = load()
        except DatabaseUnavailable:
            self.failed_at = monotonic()
            self.failing_since = self.failing_since or datetime.now(UTC)
            if reading.read_at is None:
                raise
            return reading.value  # type: ignore[no-any-return]
        self.failed_at = self.failing_since = None
        reading.value, reading.read_at = value, monotonic()
        return value

    def _reading(self, key: Hashable, now: float) -> Reading:
        with self._lock:
            if key not in self._readings:
                self._readings = {k: r for k, r in self._readings.items() if now - r.used_at < KEPT_SECONDS}
            reading = self._readings.setdefault(key, Reading())
            reading.used_at = now
            return reading

    def _is_resting(self, now: float) -> bool:
        return self.failed_at is not None and now - self.failed_at < RETRY_SECONDS

    def forget(self) -> None:
        """Read everything anew at the next request: something was changed."""
        with self._lock:
            self._readings.clear()


views = SharedViews()


def shared(
    view: Callable[Concatenate[Any, Parameters], Value], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Value:
    """What `view(session, *args, **kwargs)` says, from the cache that all viewers of the same principal share.

    The arguments are part of the key: hashable, and rounded to what makes a difference (a range, not a moment).
    """
    place = workspace()
    key = (place.principal, view.__module__, view.__qualname__, args, tuple(sorted(kwargs.items())))
    return views.get(key, lambda: place.read(lambda session: view(session, *args, **kwargs)))


def built(build: Callable[Parameters, Value], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
    """What `build(*args, **kwargs)` makes of shared views, made once per tick for all viewers of the same principal.

    The arguments, the chosen range and the view's own are all that the result may depend on.
    """
    key = (workspace().principal, build.__module__, build.__qualname__, chosen_range(), args, tuple(kwargs.items()))
    return views.get(key, lambda: build(*args, **kwargs))


def act(
    use_case: Callable[Concatenate[Any, Parameters], Value], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Value:
    """Run `use_case(session, *args, **kwargs)` in one transaction; every page sees its result at once."""
    result = workspace().act(lambda session: use_case(session, *args, **kwargs))
    views.forget()
    return result


def guarded(body: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Make `body` say what went wrong, where something did, and let the rest of the page be."""

    @wraps(body)
    def careful(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            body(*args, **kwargs)
        except HeliosError as error:
            trouble(error)

    return careful


def live(body: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Make `body` a fragment that runs again as often as the viewer asked for, and says what went wrong."""

    @wraps(body)
    def mount(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        st.fragment(guarded(body), run_every=refresh_seconds())(*args, **kwargs)

    return mount


def trouble(error: HeliosError) -> None:
    """Say in one sentence what Helios could not do; what it says is its own, or escaped."""
    st.warning(plain(str(error)), icon=":material/error:")


def chosen_range() -> timedelta:
    """The range of time that the viewer asked for."""
    return RANGES[_chosen("range", RANGES, DEFAULT_RANGE)]


def refresh_seconds() -> float | None:
    """How often the viewer wants pages refreshed; None is never."""
    return REFRESHES[_chosen("refresh", REFRESHES, DEFAULT_REFRESH)]


def _chosen(name: str, among: dict[str, Any], default: str) -> str:
    value = st.session_state.get(name) or st.query_params.get(name)
    return value if isinstance(value, str) and value in among else default
