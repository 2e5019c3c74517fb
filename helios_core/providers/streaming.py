"""One request to a model, from its beginning to its whole answer: timed, put together and held to its schema here.

A provider's own module only says what arrives on the wire, as pieces. Nothing is asked twice: who asks knows how often.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from helios_core.errors import AnswerTimedOut, BrokenAnswer, MisshapenAnswer
from helios_core.providers.chat import ChatAnswer, ChatRequest, Durations
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.schemas import fault_of


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
    """Text as it arrives, and the whole answer last."""
    exchange = Exchange(endpoint, request)
    async with aclosing(ask(request)) as pieces:
        while (piece := await exchange.next_of(pieces)) is not None:
            if piece.text:
                yield piece.text
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

    def __init__(self, endpoint: Endpoint, request: ChatRequest) -> None:
        self.heard = Heard()
        self._endpoint = endpoint
        self._request = request
        self._began_at = monotonic()

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
        """The whole of it; BrokenAnswer where it ended early, MisshapenAnswer where it breaks the schema."""
        last, text, schema = self.heard.last, "".join(self.heard.texts), self._request.schema
        finish_reason = self._require_end()
        now = monotonic()
        durations = replace(
            last.durations or Durations(),
            first_token_seconds=None if (at := self.heard.first_text_at) is None else at - self._began_at,
            total_seconds=now - self._began_at,
        )
        return ChatAnswer(
            text=text,
            structured=None if schema is None else self._structured(schema, text, finish_reason),
            model=last.model or self._request.model,
            provider=self._endpoint.provider,
            input_tokens=last.input_tokens,
            output_tokens=last.output_tokens,
            durations=durations,
            finish_reason=finish_reason,
        )

    def _patience(self) -> tuple[str, float]:
        """What to wait for, and for how many seconds more."""
        timeouts, now = self._endpoint.timeouts, monotonic()
        rest = max(0.0, self._began_at + timeouts.total_seconds - now)
        if self.heard.is_alive:
            return "more of its answer", min(timeouts.idle_seconds, rest)
        return "its first word", min(max(0.0, self._began_at + timeouts.first_token_seconds - now), rest)

    def _too_slow(self, what: str, seconds: float) -> AnswerTimedOut:
        return AnswerTimedOut(f"{self._endpoint.name} was waited for {seconds:.0f} s for {what} in vain.")

    def _require_end(self) -> str:
        """Why the answer ended. Every provider says so; where it did not, the rest is missing."""
        if self.heard.last.finish_reason is None:
            message = f"{self._endpoint.name} broke off in the middle of its answer."
            raise BrokenAnswer(message)
        return self.heard.last.finish_reason

    def _structured(self, schema: Mapping[str, object], text: str, finish_reason: str) -> dict[str, Any]:
        """The answer as JSON, which follows the schema that was asked for."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            message = (
                f"{self._endpoint.name} was asked for JSON and wrote something else (it ended by {finish_reason})."
            )
            raise MisshapenAnswer(message, text, "It is no JSON.") from error
        fault = fault_of(found, schema)
        if fault is not None:
            message = f"{self._endpoint.name} wrote JSON that is not what it was asked for. {fault}"
            raise MisshapenAnswer(message, text, fault)
        structured: dict[str, Any] = found
        return structured
