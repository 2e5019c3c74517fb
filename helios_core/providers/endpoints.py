"""Where a provider's models answer."""

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

ProviderName = Literal["ollama", "openai", "anthropic", "google", "huggingface"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds; whichever passes first ends the request."""

    connect_seconds: float = 10.0
    first_token_seconds: float = 300.0
    """Long enough to load a large model from a disk."""
    idle_seconds: float = 60.0
    """Between one piece of text and the next."""
    total_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that an operator has allowed, with the key that opens it."""

    provider: ProviderName
    name: str
    address: str
    """With its scheme, and the path that the API lies under: "http://127.0.0.1:11434", "https://api.openai.com/v1"."""
    key: SecretStr | None = None
    allows_link_local: bool = False
    """Whether addresses are let through that only ever lead to this link, such as a cloud's metadata service."""
    is_rehearsal: bool = False
    """Whether the answers are made up by our own rehearsal server."""
    timeouts: Timeouts = Timeouts()
