"""Anthropic's Messages API, through its SDK. Its OpenAI-compatible one ignores schemas."""

from collections.abc import AsyncGenerator
from typing import Any

from anthropic import AsyncAnthropic, transform_schema
from anthropic.types import RawMessageStreamEvent

from helios_core.providers.chat import ChatAnswer, ChatRequest, ModelInfo
from helios_core.providers.connection import connect
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.failures import translated
from helios_core.providers.listing import listed
from helios_core.providers.streaming import Piece, Pieces, streamed

OUTPUT_TOKENS = 8192
"""The API wants a limit; every model that it still serves writes this many."""
NO_KEY = "none"


class Client:
    """A connection to one endpoint that speaks as Anthropic does."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._sdk = AsyncAnthropic(
            base_url=endpoint.address,
            api_key=endpoint.key.get_secret_value() if endpoint.key is not None else NO_KEY,
            max_retries=0,
            http_client=connect(endpoint),
        )

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | ChatAnswer, None]:
        """Text as it arrives, and the whole answer last."""
        return streamed(self._endpoint, request, self._pieces)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that are not retired."""
        return await listed(self._endpoint, self._listed())

    async def aclose(self) -> None:
        """Close every connection."""
        await self._sdk.close()

    async def _pieces(self, request: ChatRequest) -> Pieces:
        with translated(self._endpoint, request.model):
            created = await self._sdk.messages.create(**body_of(request))
            async with created as events:
                async for event in events:
                    yield piece_of(event)

    async def _listed(self) -> list[ModelInfo]:
        return [
            ModelInfo(name=model.id, context_tokens=model.max_input_tokens)
            async for model in self._sdk.models.list(limit=1000)
        ]


def body_of(request: ChatRequest) -> dict[str, Any]:
    """The request as the API takes it: what the system says has a field of its own, and a temperature is refused."""
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens or OUTPUT_TOKENS,
        "messages": [
            {"role": message.role, "content": message.content}
            for message in request.messages
            if message.role != "system"
        ],
        "stream": True,
    }
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    if system:
        body["system"] = system
    if request.schema is not None:
        schema = transform_schema(dict(request.schema))
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return body


def piece_of(event: RawMessageStreamEvent) -> Piece:
    """What one event adds."""
    if event.type == "message_start":
        usage = event.message.usage
        cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
        return Piece(model=event.message.model, input_tokens=usage.input_tokens + cached)
    if event.type == "content_block_delta":
        is_text = event.delta.type == "text_delta"
        return Piece(text=event.delta.text if event.delta.type == "text_delta" else "", is_thought=not is_text)
    if event.type == "message_delta":
        return Piece(output_tokens=event.usage.output_tokens, finish_reason=event.delta.stop_reason)
    return Piece()
