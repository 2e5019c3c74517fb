"""One request to a model, from its first attempt to its whole answer: retried, timed and put together here.

A provider's own module only says what arrives on the wire, as pieces.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from helios_core.errors import AnswerTimedOut, BrokenAnswer, ProviderBusy, ProviderError
from helios_core.providers.chat import ChatAnswer, ChatRequest, Durations
from helios_core.providers.endpoints import Endpoint

ATTEMPTS = 3
PATIENCE_SECONDS = 30.0
"""A provider that asks to come back later than this is not waited for here: who asked may do something else."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event on the wire adds. None: nothing."""

    text: str = ""
    is_thought: bool = False
    """Whether the model works without writing for the answer: it lives."""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    durations: Durations | None = None


Pieces = AsyncGenerator[Piece, None]
Ask = Callable[[ChatRequest], Pieces]


async def streamed(endpoint: Endpoint, request: ChatRequest, ask: Ask) -> AsyncGenerator[str | ChatAnswer, None]:
    """Text as it arrives, and the whole answer last. What fails before the first text is tried again."""
    exchange = Exchange(endpoint, request, ask)
    pieces = await exchange.opened()
    try:
        for text in exchange.heard.texts[:]:
            yield text
        while (piece := await exchange.next_of(pieces)) is not None:
            if piece.text:
                yield piece.text
    finally:
        await pieces.aclose()
    yield exchange.answer()


@dataclass(slots=True)
class Heard:
    """What has arrived of one answer."""

    texts: list[str] = field(default_factory=list)
    is_alive: bool = False
    first_text_at: float | None = None
    last: Piece = field(default_factory=Piece)
    """The newest of everything that is not text."""

    def add(self, piece: Piece, now: float) -> None:
        """Take one more piece in, at `now` of the monotonic clock."""
        self.is_alive = self.is_alive or bool(piece.text) or piece.is_thought
        if piece.text:
            self.first_text_at = self.first_text_at or now
            self.texts.append(piece.text)
        news = ("model", "input_tokens", "output_tokens", "finish_reason", "durations")
        self.last = replace(self.last, **{name: value for name in news if (value := getattr(piece, name)) is not None})


class Exchange:
    """One request and what has come of it."""

    def __init__(self, endpoint: Endpoint, request: ChatRequest, ask: Ask) -> None:
        self.heard = Heard()
        self._endpoint = endpoint
        self._request = request
        self._ask = ask
        self._began_at = monotonic()
        self._attempt_at = self._began_at

    async def opened(self) -> Pieces:
        """The pieces after the first text, or after all where there is none. Raises a ProviderError."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(worth_waiting_for),
            stop=stop_after_attempt(ATTEMPTS),
            wait=pause,
            reraise=True,
        )
        total = self._endpoint.timeouts.total_seconds
        try:
            async with asyncio.timeout(total):
                return await retrying(self._first_text)
        except TimeoutError as error:
            raise self._too_slow("an answer", total) from error

    async def next_of(self, pieces: Pieces) -> Piece | None:
        """The next piece, None at the end, AnswerTimedOut where it does not come."""
        what, seconds = self._patience()
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(pieces, None)
        except TimeoutError as error:
            raise self._too_slow(what, seconds) from error
        if piece is not None:
            self.heard.add(piece, monotonic())
        return piece

    def answer(self) -> ChatAnswer:
        """The whole of it; BrokenAnswer where it ended early, or is not the JSON that was asked for."""
        last, text = self.heard.last, "".join(self.heard.texts)
        finish_reason = self._require_end()
        now = monotonic()
        durations = replace(
            last.durations or Durations(),
            first_token_seconds=None if (at := self.heard.first_text_at) is None else at - self._began_at,
            total_seconds=now - self._began_at,
        )
        return ChatAnswer(
            text=text,
            structured=None if self._request.schema is None else self._structured(text, finish_reason),
            model=last.model or self._request.model,
            provider=self._endpoint.provider,
            input_tokens=last.input_tokens,
            output_tokens=last.output_tokens,
            durations=durations,
            finish_reason=finish_reason,
        )

    async def _first_text(self) -> Pieces:
        self.heard, self._attempt_at = Heard(), monotonic()
        pieces = self._ask(self._request)
        try:
            while not self.heard.texts and await self.next_of(pieces) is not None:
                pass
            if not self.heard.texts:
                self._require_end()
        except BaseException:
            await pieces.aclose()
            raise
        return pieces

    def _patience(self) -> tuple[str, float]:
        """What to wait for, and for how many seconds more."""
        timeouts, now = self._endpoint.timeouts, monotonic()
        rest = max(0.0, self._began_at + timeouts.total_seconds - now)
        if self.heard.is_alive:
            return "more of its answer", min(timeouts.idle_seconds, rest)
        return "its first word", min(max(0.0, self._attempt_at + timeouts.first_token_seconds - now), rest)

    def _too_slow(self, what: str, seconds: float) -> AnswerTimedOut:
        return AnswerTimedOut(f"{self._endpoint.name} was waited for {seconds:.0f} s for {what} in vain.")

    def _require_end(self) -> str:
        """Why the answer ended. Every provider says so; where it did not, the rest is missing."""
        if self.heard.last.finish_reason is None:
            message = f"{self._endpoint.name} broke off in the middle of its answer."
            raise BrokenAnswer(message)
        return self.heard.last.finish_reason

    def _structured(self, text: str, finish_reason: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError as error:
            message = (
                f"{self._endpoint.name} was asked for JSON and wrote something else (it ended by {finish_reason})."
            )
            raise BrokenAnswer(message) from error
        if not isinstance(found, dict):
            message = f"{self._endpoint.name} was asked for a JSON object and wrote another kind of JSON."
            raise BrokenAnswer(message)
        return found


def worth_waiting_for(error: BaseException) -> bool:
    """Whether to ask once more, here and soon."""
    return isinstance(error, ProviderError) and error.worth_retrying and (asked_pause(error) or 0.0) <= PATIENCE_SECONDS


def pause(state: RetryCallState) -> float:
    """How long to wait before the next attempt, in seconds: as long as asked, else a random time that doubles."""
    asked = asked_pause(state.outcome.exception() if state.outcome is not None else None)
    return asked if asked is not None else backoff(state)


backoff = wait_random_exponential(multiplier=0.5, max=PATIENCE_SECONDS)


def asked_pause(error: BaseException | None) -> float | None:
    """How long the provider asks to wait, in seconds."""
    return error.retry_after_seconds if isinstance(error, ProviderBusy) else None
