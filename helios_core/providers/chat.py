"""What Helios asks of every model provider, whatever the provider's own words for it are."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation with a model."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model. None leaves a choice to the provider."""

    model: str
    messages: tuple[ChatMessage, ...]
    temperature: float | None = None
    """From 0 to 2; Anthropic takes none since its API of 2026-10-21, so it is not sent there."""
    max_output_tokens: int | None = None
    context_tokens: int | None = None
    """How much the model shall see at once; only Ollama can be told."""
    schema: Mapping[str, object] | None = None
    """The JSON schema of a structured answer, with a `title`; None asks for plain text."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Where the time of one answer went, in seconds. None: nobody measured it."""

    queue_seconds: float | None = None
    load_seconds: float | None = None
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    first_token_seconds: float | None = None
    """From the request to its first text, measured here."""
    total_seconds: float | None = None
    """From the request to its end, measured here."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A whole answer, after its last text."""

    text: str
    structured: Mapping[str, Any] | None
    """The answer as JSON, where a schema was given."""
    model: str
    """The model that answered, in the provider's words."""
    provider: str
    input_tokens: int | None
    output_tokens: int | None
    durations: Durations
    finish_reason: str | None
    """Why it ended, in the provider's words: "stop", "length", …"""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a provider lists. None: it does not say."""

    name: str
    size_bytes: int | None = None
    context_tokens: int | None = None
    parameters: str | None = None
    """As the provider writes it: "8.0B"."""
    quantisation: str | None = None


class ChatClient(Protocol):
    """A connection to one endpoint. It raises errors of `helios_core.errors.ProviderError`, and no others."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | ChatAnswer, None]:
        """Text as it arrives, and the whole answer last.

        To be cancelled, or to be closed early (`contextlib.aclosing`), closes the connection.
        """
        ...

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that can be asked here, by name."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
