"""Ollama's own API, which says what its OpenAI-compatible one does not: what is loaded, and where the time went.

Its SDK is built on another HTTP library than all the others, past which our `connection` could not watch; the API is
five requests, so they are made here.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from helios_core.errors import ProviderFailed
from helios_core.providers.chat import ChatAnswer, ChatRequest, Durations, ModelInfo
from helios_core.providers.connection import connect
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.failures import QUOTED_CHARACTERS, refusal, translated
from helios_core.providers.listing import listed
from helios_core.providers.memory import QuantisedModel, told_model
from helios_core.providers.streaming import Piece, Pieces, streamed

NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is in memory now. `vram_bytes` of its `size_bytes` are on cards, the rest is in host memory."""

    name: str
    size_bytes: int
    vram_bytes: int
    context_tokens: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What Ollama knows of a model. None: it does not say."""

    name: str
    family: str | None
    parameters: str | None
    quantisation: str | None
    context_tokens: int | None
    capabilities: tuple[str, ...]
    estimated: QuantisedModel | None
    """What its memory follows from, where Ollama tells all of that."""


class Client:
    """A connection to one Ollama server."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = connect(endpoint)
        self._address = endpoint.address.rstrip("/")
        if endpoint.key is not None:
            self._http.headers["Authorization"] = f"Bearer {endpoint.key.get_secret_value()}"

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | ChatAnswer, None]:
        """Text as it arrives, and the whole answer last."""
        return streamed(self._endpoint, request, self._pieces)

    async def models(self) -> tuple[ModelInfo, ...]:
        """What has been pulled."""
        return await listed(self._endpoint, self._listed())

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What is in memory now."""
        with translated(self._endpoint):
            return tuple(_loaded(model) for model in (await self._asked("GET", "/api/ps"))["models"])

    async def describe(self, model: str) -> ModelDescription:
        """What the server knows of a model; UnknownModel where it has none of that name."""
        with translated(self._endpoint, model):
            return _described(model, await self._asked("POST", "/api/show", {"model": model}, model))

    async def version(self) -> str:
        """Which Ollama it is."""
        with translated(self._endpoint):
            return str((await self._asked("GET", "/api/version"))["version"])

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _pieces(self, request: ChatRequest) -> Pieces:
        with translated(self._endpoint, request.model):
            asked = self._http.stream("POST", f"{self._address}/api/chat", json=body_of(request))
            async with asked as response:
                await self._check(response, request.model)
                async for line in response.aiter_lines():
                    if line:
                        yield self._piece_of(json.loads(line))

    async def _listed(self) -> list[ModelInfo]:
        found = (await self._asked("GET", "/api/tags"))["models"]
        return [
            ModelInfo(
                name=model["name"],
                size_bytes=model.get("size"),
                context_tokens=model["details"].get("context_length"),
                parameters=model["details"].get("parameter_size") or None,
                quantisation=model["details"].get("quantization_level") or None,
            )
            for model in found
        ]

    async def _asked(self, method: str, path: str, body: object = None, model: str | None = None) -> Any:  # noqa: ANN401
        response = await self._http.request(method, self._address + path, json=body)
        await self._check(response, model)
        return response.json()

    async def _check(self, response: httpx2.Response, model: str | None) -> None:
        if response.status_code != 200:
            await response.aread()
            raise refusal(response, self._endpoint, model)

    def _piece_of(self, event: Mapping[str, Any]) -> Piece:
        if "error" in event:
            raise ProviderFailed(f"{self._endpoint.name} failed: {str(event['error'])[:QUOTED_CHARACTERS]}")
        message, is_done = event.get("message") or {}, event["done"]
        return Piece(
            text=message.get("content") or "",
            is_thought=bool(message.get("thinking")),
            model=event.get("model"),
            input_tokens=event.get("prompt_eval_count"),
            output_tokens=event.get("eval_count"),
            finish_reason=(event.get("done_reason") or "stop") if is_done else None,
            durations=_durations(event) if is_done else None,
        )


def body_of(request: ChatRequest) -> dict[str, Any]:
    """The request as the API takes it."""
    options = {
        "temperature": request.temperature,
        "num_predict": request.max_output_tokens,
        "num_ctx": request.context_tokens,
    }
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "stream": True,
        "options": {name: value for name, value in options.items() if value is not None},
    }
    if request.schema is not None:
        body["format"] = dict(request.schema)
    return body


def _durations(event: Mapping[str, Any]) -> Durations:
    """How long it loaded, read and wrote. Waiting for a place counts as loading: Ollama does not tell them apart."""

    def seconds(field: str) -> float | None:
        return event[field] / NANOSECONDS if field in event else None

    return Durations(
        load_seconds=seconds("load_duration"),
        prefill_seconds=seconds("prompt_eval_duration"),
        decode_seconds=seconds("eval_duration"),
    )


def _loaded(model: Mapping[str, Any]) -> LoadedModel:
    expires_at = model.get("expires_at")
    return LoadedModel(
        name=model["name"],
        size_bytes=model["size"],
        vram_bytes=model.get("size_vram", 0),
        context_tokens=model.get("context_length"),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )


def _described(name: str, shown: Mapping[str, Any]) -> ModelDescription:
    details, info = shown.get("details") or {}, shown.get("model_info") or {}
    return ModelDescription(
        name=name,
        family=details.get("family") or None,
        parameters=details.get("parameter_size") or None,
        quantisation=details.get("quantization_level") or None,
        context_tokens=info.get(f"{info.get('general.architecture')}.context_length"),
        capabilities=tuple(shown.get("capabilities") or ()),
        estimated=told_model(shown),
    )
