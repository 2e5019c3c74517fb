"""A server that speaks the wire formats of all five providers. The name of the model says how it behaves."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ("The ", "answer ", "is ", "42.")
STRUCTURED = ('{"answer": ', '"42"', "}")
MISSHAPEN = ('{"answer": ', "42", "}")
KEY = "sk-canary-0123456789abcdef0123456789"
REFUSALS = {"locked": 401, "unknown": 404, "busy": 429, "failing": 500, "overlong": 400}
"""Models that are answered with a status; `busy` and `failing` answer from the second time on."""

Framing = Callable[[Any], bytes]


@dataclass
class Wire:
    """The server, and what it was asked."""

    retry_after: str = "0"
    moved_to: str = "http://127.0.0.1:1/elsewhere"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """The models whose reader went away before the end."""
    asked: dict[str, int] = field(default_factory=dict)
    heard_at: list[float] = field(default_factory=list)
    """When each request came, by the monotonic clock."""

    def forget(self) -> None:
        """Behave as at first, as if nobody had asked."""
        vars(self).update(vars(Wire()))

    def app(self) -> Starlette:
        """All five, each below the path that its SDK adds to an address."""
        return Starlette(
            routes=[
                Route("/openai/v1/chat/completions", self._openai, methods=["POST"]),
                Route("/openai/v1/models", self._openai_models),
                Route("/anthropic/v1/messages", self._anthropic, methods=["POST"]),
                Route("/anthropic/v1/models", self._anthropic_models),
                Route("/google/v1/models/{model}:streamGenerateContent", self._google, methods=["POST"]),
                Route("/google/v1/models", self._google_models),
                Route("/ollama/api/chat", self._ollama, methods=["POST"]),
                Route("/ollama/api/tags", self._ollama_tags),
                Route("/ollama/api/ps", self._ollama_ps),
                Route("/ollama/api/show", self._ollama_show, methods=["POST"]),
                Route("/moved/{rest:path}", self._moved, methods=["GET", "POST"]),
            ]
        )

    async def _openai(self, request: Request) -> Response:
        body = await self._heard(request)
        base: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": body["model"],
        }

        def events() -> Iterator[object]:
            yield base | {"choices": [_choice({"role": "assistant", "content": ""})]}
            for text in _texts(body["model"], "response_format" in body):
                yield base | {"choices": [_choice({"content": text})]}
            yield base | {"choices": [_choice({}, "stop")]}
            usage = {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15}
            yield base | {"choices": [], "usage": usage, "timings": {"prompt_ms": 20.0, "predicted_ms": 80.0}}
            yield "[DONE]"

        return await self._answer(body["model"], events(), _sse)

    async def _anthropic(self, request: Request) -> Response:
        body = await self._heard(request)
        usage = {"input_tokens": 9, "cache_read_input_tokens": 2, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": body["model"]}

        def events() -> Iterator[object]:
            start = message | {"stop_reason": None, "stop_sequence": None, "usage": usage}
            yield {"type": "message_start", "message": start}
            yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
            yield {"type": "ping"}
            for text in _texts(body["model"], "output_config" in body):
                delta = {"type": "text_delta", "text": text}
                yield {"type": "content_block_delta", "index": 0, "delta": delta}
            yield {"type": "content_block_stop", "index": 0}
            end = {"stop_reason": "end_turn", "stop_sequence": None}
            yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 4}}
            yield {"type": "message_stop"}

        return await self._answer(body["model"], events(), _named_sse)

    async def _google(self, request: Request) -> Response:
        body = await self._heard(request)
        model = request.path_params["model"]
        is_structured = "responseJsonSchema" in body.get("generationConfig", {})

        def events() -> Iterator[object]:
            for text in _texts(model, is_structured):
                yield _candidate(model, text)
            end = _candidate(model, "")
            end["candidates"][0]["finishReason"] = "STOP"
            end["usageMetadata"] = {"promptTokenCount": 11, "candidatesTokenCount": 4, "totalTokenCount": 15}
            yield end

        return await self._answer(model, events(), _sse)

    async def _ollama(self, request: Request) -> Response:
        body = await self._heard(request)
        base = {"model": body["model"], "created_at": "2026-11-20T10:00:00.5Z"}

        def events() -> Iterator[object]:
            for text in _texts(body["model"], "format" in body):
                yield base | {"message": {"role": "assistant", "content": text}, "done": False}
            yield base | {
                "message": {"role": "assistant", "content": ""},
                "done": True,
                "done_reason": "stop",
                "total_duration": 1_900_000_000,
                "load_duration": 1_500_000_000,
                "prompt_eval_count": 11,
                "prompt_eval_duration": 100_000_000,
                "eval_count": 4,
                "eval_duration": 250_000_000,
            }

        return await self._answer(body["model"], events(), _line)

    async def _openai_models(self, request: Request) -> Response:
        self._note(request)
        entry = {"object": "model", "created": 1, "owned_by": "vllm"}
        models = [entry | {"id": "zeta"}, entry | {"id": "alpha", "max_model_len": 8192}]
        return JSONResponse({"object": "list", "data": models})

    async def _anthropic_models(self, request: Request) -> Response:
        self._note(request)
        entry = {"type": "model", "created_at": "2026-01-01T00:00:00Z", "max_input_tokens": 8192}
        models = [entry | {"id": name, "display_name": name, "lifecycle": "active"} for name in ("zeta", "alpha")]
        return JSONResponse({"data": models, "has_more": False, "first_id": "zeta", "last_id": "alpha"})

    async def _google_models(self, request: Request) -> Response:
        self._note(request)
        models = [
            {"name": "models/zeta", "inputTokenLimit": 8192, "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/alpha", "inputTokenLimit": 8192, "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
        ]
        return JSONResponse({"models": models})

    async def _ollama_tags(self, request: Request) -> Response:
        self._note(request)
        details = {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_K_M", "context_length": 8192}
        models = [
            {"name": name, "model": name, "size": 4_900_000_000, "details": details} for name in ("zeta", "alpha")
        ]
        return JSONResponse({"models": models})

    async def _ollama_ps(self, request: Request) -> Response:
        self._note(request)
        model = {"name": "alpha", "size": 6_000, "size_vram": 4_500, "context_length": 4096}
        return JSONResponse({"models": [model | {"expires_at": "2026-11-20T10:05:00.123456789+01:00"}]})

    async def _ollama_show(self, request: Request) -> Response:
        body = await self._heard(request)
        if body["model"] != "alpha":
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        dimensions = {
            "block_count": 32,
            "embedding_length": 4096,
            "attention.head_count": 32,
            "attention.head_count_kv": 8,
            "feed_forward_length": 14336,
            "vocab_size": 128256,
            "context_length": 131072,
        }
        info = {f"llama.{name}": value for name, value in dimensions.items()}
        details = {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_K_M"}
        shown = {"details": details, "model_info": info | {"general.architecture": "llama"}}
        return JSONResponse(shown | {"capabilities": ["completion", "tools"]})

    async def _moved(self, request: Request) -> Response:
        self._note(request)
        return RedirectResponse(self.moved_to, 307)

    async def _heard(self, request: Request) -> dict[str, Any]:
        self._note(request)
        body: dict[str, Any] = await request.json()
        self.bodies.append(body)
        return body

    def _note(self, request: Request) -> None:
        self.heard_at.append(time.monotonic())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})

    async def _answer(self, model: str, events: Iterator[object], framing: Framing) -> Response:
        self.asked[model] = self.asked.get(model, 0) + 1
        status = REFUSALS.get(model)
        if status is not None and (self.asked[model] == 1 or model not in {"busy", "failing"}):
            headers = {"Retry-After": self.retry_after} if model == "busy" else {}
            message = f"No, not with the key {KEY}."
            error = {"type": "some_error", "message": message, "code": status, "status": "SOME"}
            return JSONResponse({"type": "error", "error": error}, status, headers)
        if model == "garbage":
            return Response(b"<html>Welcome</html>\n\ndata: {nonsense\n\n", media_type="text/event-stream")
        frames = [framing(event) for event in events]
        return StreamingResponse(self._streamed(model, frames), media_type="text/event-stream")

    async def _streamed(self, model: str, frames: list[bytes]) -> AsyncIterator[bytes]:
        is_over = False
        try:
            if model == "speechless":
                await asyncio.sleep(30)
            for place, frame in enumerate(frames):
                if place == len(frames) // 2:
                    if model == "cut":
                        raise ConnectionAbortedError
                    if model == "stuck":
                        await asyncio.sleep(30)
                yield frame
            if model == "endless":
                await asyncio.sleep(30)
            is_over = True
        finally:
            if not is_over:
                self.left.append(model)


def _texts(model: str, is_structured: bool) -> tuple[str, ...]:
    if model == "endless":
        return ("word " * 2**18,) * 40
    if not is_structured or model == "prose":
        return WORDS
    return MISSHAPEN if model == "misshapen" else STRUCTURED


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _candidate(model: str, text: str) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"index": 0, "content": content}], "modelVersion": model}


def _sse(event: object) -> bytes:
    return f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()


def _named_sse(event: Any) -> bytes:  # noqa: ANN401 (JSON)
    return f"event: {event['type']}\n".encode() + _sse(event)


def _line(event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"
