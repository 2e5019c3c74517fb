"""Google's Gemini API, through its SDK.

The SDK leaves the response of a stream that nobody reads to the end to the garbage collector, and with it the model
that goes on writing. So each request carries a mark, by which its response is found and closed here.
"""

from collections.abc import AsyncGenerator
from uuid import uuid4

import httpx2
from google.genai import Client as GoogleClient
from google.genai import types

from helios_core.providers.chat import ChatAnswer, ChatRequest, ModelInfo
from helios_core.providers.connection import connect
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.failures import translated
from helios_core.providers.listing import listed
from helios_core.providers.streaming import Piece, Pieces, streamed

ANSWERS = "generateContent"
NO_KEY = "none"
MARK = "X-Helios-Request"
ROLES = {"user": "user", "assistant": "model"}


class Client:
    """A connection to one endpoint that speaks as Gemini does."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = connect(endpoint)
        self._http.event_hooks = {"response": [self._note]}
        self._responses: dict[str, httpx2.Response] = {}
        self._sdk = GoogleClient(
            vertexai=False,
            api_key=endpoint.key.get_secret_value() if endpoint.key is not None else NO_KEY,
            http_options=types.HttpOptions(base_url=endpoint.address, httpx_async_client=self._http),
        ).aio

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | ChatAnswer, None]:
        """Text as it arrives, and the whole answer last."""
        return streamed(self._endpoint, request, self._pieces)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that answer."""
        return await listed(self._endpoint, self._listed())

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _pieces(self, request: ChatRequest) -> Pieces:
        mark = uuid4().hex
        try:
            with translated(self._endpoint, request.model):
                chunks = await self._sdk.models.generate_content_stream(
                    model=request.model, contents=contents_of(request), config=config_of(request, mark)
                )
                async for chunk in chunks:
                    yield piece_of(chunk)
        finally:
            response = self._responses.pop(mark, None)
            if response is not None:
                await response.aclose()

    async def _note(self, response: httpx2.Response) -> None:
        mark = response.request.headers.get(MARK)
        if mark is not None:
            self._responses[mark] = response

    async def _listed(self) -> list[ModelInfo]:
        return [
            ModelInfo(name=(model.name or "").removeprefix("models/"), context_tokens=model.input_token_limit)
            async for model in await self._sdk.models.list()
            if ANSWERS in (model.supported_actions or ())
        ]


def contents_of(request: ChatRequest) -> types.ContentListUnion:
    """What was said, but for what the system says."""
    return [
        types.Content(role=ROLES[message.role], parts=[types.Part(text=message.content)])
        for message in request.messages
        if message.role != "system"
    ]


def config_of(request: ChatRequest, mark: str) -> types.GenerateContentConfig:
    """All of the request that is no message of the conversation."""
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    config = types.GenerateContentConfig(
        system_instruction=system or None,
        temperature=request.temperature,
        max_output_tokens=request.max_output_tokens,
        http_options=types.HttpOptions(headers={MARK: mark}),
    )
    if request.schema is not None:
        config.response_mime_type = "application/json"
        config.response_json_schema = dict(request.schema)
    return config


def piece_of(chunk: types.GenerateContentResponse) -> Piece:
    """What one event adds."""
    candidate = chunk.candidates[0] if chunk.candidates else None
    parts = (candidate.content.parts if candidate is not None and candidate.content is not None else None) or []
    usage = chunk.usage_metadata
    finish = candidate.finish_reason if candidate is not None else None
    return Piece(
        text="".join(part.text or "" for part in parts if not part.thought),
        is_thought=any(part.thought for part in parts),
        model=chunk.model_version,
        input_tokens=usage.prompt_token_count if usage is not None else None,
        output_tokens=usage.candidates_token_count if usage is not None else None,
        finish_reason=finish.value if finish is not None else None,
    )
