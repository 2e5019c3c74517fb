"""Which models are "loaded": each takes a while the first time, and goes when nobody asks it for five minutes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from helios_core.providers.memory import MIB, estimate, recognise

KEEP_ALIVE = timedelta(minutes=5)
CONTEXT_TOKENS = 4096
UNKNOWN_SIZE_BYTES = 4 * 1024 * MIB
"""What a model weighs whose dimensions nobody knows."""


@dataclass(slots=True)
class Loaded:
    """A model in memory."""

    context_tokens: int
    expires_at: datetime


class Residency:
    """The models in memory now."""

    def __init__(self) -> None:
        self._loaded: dict[str, Loaded] = {}

    def use(self, model: str, context_tokens: int | None) -> bool:
        """Count a model as used; whether it has to be loaded first, as for another context than before."""
        self._forget()
        wanted = context_tokens or CONTEXT_TOKENS
        there = self._loaded.get(model)
        self._loaded[model] = Loaded(wanted, datetime.now(UTC) + KEEP_ALIVE)
        return there is None or there.context_tokens != wanted

    def listed(self) -> list[dict[str, Any]]:
        """What is loaded, as /api/ps says it."""
        self._forget()
        return [
            described(name)
            | {
                "size": memory_bytes(name, loaded.context_tokens),
                "size_vram": memory_bytes(name, loaded.context_tokens),
                "context_length": loaded.context_tokens,
                "expires_at": loaded.expires_at.isoformat(),
            }
            for name, loaded in self._loaded.items()
        ]

    def _forget(self) -> None:
        now = datetime.now(UTC)
        self._loaded = {name: loaded for name, loaded in self._loaded.items() if loaded.expires_at > now}


def memory_bytes(model: str, context_tokens: int) -> int:
    """What a loaded model takes."""
    estimated = estimate(model, context_tokens)
    return round(estimated.required_mib * MIB) if estimated is not None else UNKNOWN_SIZE_BYTES


def described(model: str) -> dict[str, Any]:
    """A model as every list names it."""
    family, _, size = model.partition(":")
    details = {"format": "gguf", "family": family, "families": [family], "parameter_size": size.upper()}
    return {"name": model, "model": model, "digest": "", "details": details | {"quantization_level": "Q4_K_M"}}


def shown(model: str) -> dict[str, Any]:
    """A model as /api/show describes it."""
    found = recognise(model)
    info: dict[str, Any] = {"general.architecture": "rehearsal"}
    if found is not None:
        architecture = found.architecture
        info |= {
            "rehearsal.block_count": architecture.layers,
            "rehearsal.embedding_length": architecture.embedding,
            "rehearsal.attention.head_count": architecture.heads,
            "rehearsal.attention.head_count_kv": architecture.kv_heads,
            "rehearsal.attention.key_length": architecture.head_size,
            "rehearsal.feed_forward_length": architecture.feed_forward,
            "rehearsal.vocab_size": architecture.vocabulary,
        }
    return {"details": described(model)["details"], "model_info": info, "capabilities": ["completion"]}
