"""The rehearsal as a server: Ollama's API on loopback, so that all between it and the page is the real thing."""

import asyncio
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from helios_core.providers.memory import known_models
from helios_core.rehearsal.behaviour import SLOWER, Behaviour
from helios_core.rehearsal.reading import Asked, read
from helios_core.rehearsal.residency import CONTEXT_TOKENS, Residency, described, memory_bytes, shown
from helios_core.rehearsal.writing import write

VERSION = "0.0.0-helios-rehearsal"
"""By which anybody can tell this server from Ollama."""
LOOPBACK = "127.0.0.1"
PREFILL_TOKENS_PER_SECOND = 800.0
WORDS_A_PIECE = 2
STARTS_WITHIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Performance:
    """One answer as it will be given; times in seconds, the pace included."""

    model: str
    text: str
    breaks_off: bool
    load_seconds: float
    prefill_seconds: float
    piece_seconds: float
    input_tokens: int


class Rehearsal:
    """The server's state: what is loaded, and what was asked before."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._residency = Residency()
        self._times_asked: Counter[int] = Counter()

    def app(self) -> Starlette:
        """The requests of Ollama's API that there are here."""
        return Starlette(
            routes=[
                Route("/", lambda _: PlainTextResponse("The rehearsal of Helios is running")),
                Route("/api/version", lambda _: JSONResponse({"version": VERSION})),
                Route("/api/tags", lambda _: JSONResponse({"models": [_tag(model) for model in known_models()]})),
                Route("/api/ps", self._ps),
                Route("/api/show", self._show, methods=["POST"]),
                Route("/api/chat", self._chat, methods=["POST"]),
            ]
        )

    async def _ps(self, _request: Request) -> Response:
        return JSONResponse({"models": self._residency.listed()})

    async def _show(self, request: Request) -> Response:
        body = await request.json()
        return JSONResponse(shown(str(body.get("model") or body.get("name"))))

    async def _chat(self, request: Request) -> Response:
        try:
            body = await request.json()
            performance = self._prepared(body)
        except (ValueError, TypeError, AttributeError, KeyError):
            return JSONResponse({"error": "invalid request"}, 400)
        events = perform(performance)
        if body.get("stream", True):
            return StreamingResponse(events, media_type="application/x-ndjson")
        return await _whole(events)

    def _prepared(self, body: dict[str, Any]) -> Performance:
        model, messages, behaviour = str(body["model"]), body["messages"], self._behaviour
        if not model or not isinstance(messages, list):
            raise ValueError
        asked = read(messages, body.get("format") if isinstance(body.get("format"), dict) else None)
        words = sum(len(str(message.get("content", "")).split()) for message in messages)
        is_new = self._residency.use(model, (body.get("options") or {}).get("num_ctx"))
        speed = behaviour.tokens_per_second / (SLOWER if self._is_slow(asked) else 1.0)
        return Performance(
            model=model,
            text=write(asked, behaviour),
            breaks_off=self._breaks_off(asked, json.dumps(messages)),
            load_seconds=behaviour.load_seconds * behaviour.pace if is_new else 0.0,
            prefill_seconds=words / PREFILL_TOKENS_PER_SECOND * behaviour.pace,
            piece_seconds=WORDS_A_PIECE / speed * behaviour.pace,
            input_tokens=words,
        )

    def _is_slow(self, asked: Asked) -> bool:
        chance = self._behaviour.share("slow", asked.expert, asked.question)
        return asked.purpose == "answer" and chance < self._behaviour.slow_share

    def _breaks_off(self, asked: Asked, messages: str) -> bool:
        """Whether this answer ends in the middle: some the first time, a few every time."""
        if asked.purpose != "answer":
            return False
        self._times_asked[hash(messages)] += 1
        chance = self._behaviour.share("fails", asked.expert, asked.question)
        if chance < self._behaviour.failing_share:
            return True
        is_first = self._times_asked[hash(messages)] == 1
        return is_first and chance < self._behaviour.failing_share + self._behaviour.broken_share


async def perform(performance: Performance) -> AsyncIterator[bytes]:
    """The lines of an answer, each when its time has come."""
    began = time.monotonic()
    await asyncio.sleep(performance.load_seconds + performance.prefill_seconds)
    pieces = re.findall(rf"(?:\S*\s*){{1,{WORDS_A_PIECE}}}", performance.text)
    pieces = [piece for piece in pieces if piece]
    decoding = time.monotonic()
    for place, piece in enumerate(pieces):
        if performance.breaks_off and place == len(pieces) // 3:
            yield _line(performance, error="the rehearsal breaks this answer off on purpose")
            return
        await asyncio.sleep(performance.piece_seconds)
        yield _line(performance, message={"role": "assistant", "content": piece}, done=False)
    ended = time.monotonic()
    yield _line(
        performance,
        message={"role": "assistant", "content": ""},
        done=True,
        done_reason="stop",
        total_duration=_nanoseconds(ended - began),
        load_duration=_nanoseconds(performance.load_seconds),
        prompt_eval_count=performance.input_tokens,
        prompt_eval_duration=_nanoseconds(performance.prefill_seconds),
        eval_count=len(performance.text.split()),
        eval_duration=_nanoseconds(ended - decoding),
    )


class RehearsalServer:
    """The rehearsal at a port of loopback, in a thread of its own, while the block runs."""

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0) -> None:
        self._listener = socket.create_server((LOOPBACK, port))
        app = Rehearsal(behaviour or Behaviour()).app()
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(STARTS_WITHIN_SECONDS)
        self._listener.close()


async def _whole(events: AsyncIterator[bytes]) -> Response:
    """All lines as one, as Ollama gives them where nobody wants a stream."""
    read_events = [json.loads(line) async for line in events]
    last = read_events[-1]
    if "error" in last:
        return JSONResponse({"error": last["error"]}, 500)
    content = "".join(event["message"]["content"] for event in read_events)
    return JSONResponse(last | {"message": {"role": "assistant", "content": content}})


def _tag(model: str) -> dict[str, Any]:
    return described(model) | {"size": memory_bytes(model, CONTEXT_TOKENS), "modified_at": "2026-01-01T00:00:00Z"}


def _line(performance: Performance, **fields: object) -> bytes:
    event = {"model": performance.model, "created_at": datetime.now(UTC).isoformat(), **fields}
    return json.dumps(event).encode() + b"\n"


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
