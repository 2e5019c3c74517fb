"""OpenAI's wire format, through its SDK: OpenAI itself, and vLLM, llama.cpp, LM Studio and all that speak like it."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from openai import AsyncOpenAI
from openai.types import Model
from openai.types.chat import ChatCompletionChunk

from helios_core.providers.chat import ChatAnswer, ChatRequest, Durations, ModelInfo
from helios_core.providers.connection import connect
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.failures import translated
from helios_core.providers.listing import listed
from helios_core.providers.streaming import Piece, Pieces, streamed

NO_KEY = "none"
"""Servers without keys ignore it; the SDK wants one."""
CONTEXT_FIELDS = ("max_model_len", "context_length", "max_context_length")
"""Where vLLM, routers and LM Studio say how much a model sees."""
THOUGHT_FIELDS = ("reasoning_content", "reasoning")


class Client:
    """A connection to one endpoint that speaks as OpenAI does."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._sdk = AsyncOpenAI(
            base_url=endpoint.address,
            api_key=endpoint.key.get_secret_value() if endpoint.key is not None else NO_KEY,
            max_retries=0,
            http_client=connect(endpoint),
        )

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | ChatAnswer, None]:
        """Text as it arrives, and the whole answer last."""
        return streamed(self._endpoint, request, self._pieces)

    async def models(self) -> tuple[ModelInfo, ...]:
        """What its /models lists."""
        return await listed(self._endpoint, self._listed())

    async def aclose(self) -> None:
        """Close every connection."""
        await self._sdk.close()

    async def _pieces(self, request: ChatRequest) -> Pieces:
        with translated(self._endpoint, request.model):
            created = await self._sdk.chat.completions.create(**self._body(request))
            async with created as chunks:
                async for chunk in chunks:
                    yield piece_of(chunk)

    async def _listed(self) -> list[ModelInfo]:
        return [info_of(model) async for model in self._sdk.models.list()]

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_output_tokens is not None:
            body[self._limit_field()] = request.max_output_tokens
        if request.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": named(request.schema)}
        return body

    def _limit_field(self) -> str:
        """OpenAI's newer models refuse the old field; other servers know only that one."""
        return "max_completion_tokens" if "api.openai.com" in self._endpoint.address else "max_tokens"


def piece_of(chunk: ChatCompletionChunk) -> Piece:
    """What one event adds. llama.cpp also says how long it read and wrote."""
    choice = chunk.choices[0] if chunk.choices else None
    extra = (choice.delta.model_extra if choice is not None else None) or {}
    return Piece(
        text=(choice.delta.content if choice is not None else None) or "",
        is_thought=any(extra.get(field) for field in THOUGHT_FIELDS),
        model=chunk.model or None,
        input_tokens=chunk.usage.prompt_tokens if chunk.usage is not None else None,
        output_tokens=chunk.usage.completion_tokens if chunk.usage is not None else None,
        finish_reason=choice.finish_reason if choice is not None else None,
        durations=durations_of((chunk.model_extra or {}).get("timings")),
    )


def durations_of(timings: object) -> Durations | None:
    """llama.cpp's `timings`, which are in milliseconds."""
    if not isinstance(timings, dict):
        return None
    prefill, decode = timings.get("prompt_ms"), timings.get("predicted_ms")
    return Durations(
        prefill_seconds=prefill / 1000 if isinstance(prefill, int | float) else None,
        decode_seconds=decode / 1000 if isinstance(decode, int | float) else None,
    )


def named(schema: Mapping[str, object]) -> dict[str, object]:
    """The schema as OpenAI takes it. Strict where it is written for that: then nothing else can be answered."""
    name = "".join(letter if letter.isalnum() else "_" for letter in str(schema.get("title", "answer")))
    return {"name": name[:64], "schema": dict(schema), "strict": is_closed(schema)}


def is_closed(schema: object) -> bool:
    """Whether every object in it requires all its properties and allows no others."""
    if isinstance(schema, list):
        return all(is_closed(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and "type" in schema:
        required = schema.get("required")
        is_complete = isinstance(required, list) and set(required) == set(properties)
        if not is_complete or schema.get("additionalProperties") is not False:
            return False
    return all(is_closed(part) for part in schema.values())


def info_of(model: Model) -> ModelInfo:
    """One entry of the list."""
    extra = model.model_extra or {}
    contexts = [extra[field] for field in CONTEXT_FIELDS if isinstance(extra.get(field), int)]
    return ModelInfo(name=model.id, context_tokens=contexts[0] if contexts else None)
