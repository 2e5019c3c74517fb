"""How much GPU memory a model will take: weights, KV cache, compute buffer and overhead, in MiB (2^20 bytes).

The arithmetic is llama.cpp's, which Ollama runs: which tensor gets which type in a quantised file, what the KV cache
keeps for each token, and how large the compute buffer is for a micro-batch of 512 tokens. Known are the
architectures in `CATALOGUE`; of any other model nothing is said.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

MIB = 1024**2
OVERHEAD_MIB = 512.0
"""CUDA context and cuBLAS workspace of one loaded model. An assumption; all else follows from the model."""
MICRO_BATCH_TOKENS = 512

BYTES_PER_WEIGHT = {
    "F32": 4.0,
    "F16": 2.0,
    "Q8_0": 34 / 32,
    "Q6_K": 210 / 256,
    "Q5_K": 176 / 256,
    "Q5_0": 22 / 32,
    "Q4_K": 144 / 256,
    "Q4_0": 18 / 32,
}
BYTES_PER_KV_VALUE = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
NARROW_ROW_TYPE = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}
"""K-quants pack 256 weights; rows that this does not divide get these types instead."""
QUANTISATIONS = {"Q4_K_M": ("Q4_K", "Q6_K"), "Q4_0": ("Q4_0", "Q6_K"), "Q8_0": ("Q8_0", "Q8_0"), "F16": ("F16", "F16")}
"""The type of most matrices, and of the output matrix."""
DEFAULT_QUANTISATION = "Q4_K_M"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The dimensions of a decoder-only transformer, in elements."""

    layers: int
    embedding: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    head_size: int = 128
    has_attention_bias: bool = False
    observed_weights_mib: float | None = None
    """Where the formula for dense models does not apply: what a Q4_K_M file took on a card."""


@dataclass(frozen=True, slots=True)
class QuantisedModel:
    """What a model's memory follows from."""

    architecture: Architecture
    quantisation: str

    def as_json(self) -> dict[str, Any]:
        """What `model_of` reads."""
        return asdict(self)


OLLAMA_KEYS = {
    "layers": "block_count",
    "embedding": "embedding_length",
    "heads": "attention.head_count",
    "kv_heads": "attention.head_count_kv",
    "feed_forward": "feed_forward_length",
    "vocabulary": "vocab_size",
    "head_size": "attention.key_length",
}
"""What Ollama calls the dimensions, after the name of the architecture."""
NEEDED = ("layers", "embedding", "heads", "kv_heads", "feed_forward", "vocabulary")
BIASED_FAMILIES = {"qwen2"}
"""Architectures whose attention has bias vectors."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What one loaded model takes on a card, in MiB."""

    weights_mib: float
    kv_mib: float
    compute_mib: float
    overhead_mib: float

    @property
    def shared_mib(self) -> float:
        """What agents that use the loaded model together pay once."""
        return self.weights_mib + self.compute_mib + self.overhead_mib

    @property
    def required_mib(self) -> float:
        """All of it."""
        return self.shared_mib + self.kv_mib

    @property
    def reservation_mib(self) -> int:
        """The whole MiB that a promise has to hold."""
        return math.ceil(self.required_mib)


CATALOGUE: dict[str, dict[str, Architecture]] = {
    "llama3.1": {
        "8b": Architecture(32, 4096, 32, 8, 14336, 128256),
        "70b": Architecture(80, 8192, 64, 8, 28672, 128256),
    },
    "llama3.2": {"3b": Architecture(28, 3072, 24, 8, 8192, 128256)},
    "qwen2.5": {
        "7b": Architecture(28, 3584, 28, 4, 18944, 152064, has_attention_bias=True),
        "14b": Architecture(48, 5120, 40, 8, 13824, 152064, has_attention_bias=True),
        "32b": Architecture(64, 5120, 40, 8, 27648, 152064, has_attention_bias=True),
        "72b": Architecture(80, 8192, 64, 8, 29568, 152064, has_attention_bias=True),
    },
    "mistral": {"7b": Architecture(32, 4096, 32, 8, 14336, 32768)},
    "mixtral": {"8x7b": Architecture(32, 4096, 32, 8, 14336, 32000, observed_weights_mib=25145.56)},
}
"""Families and sizes by Ollama's names; a name without a size means the family's first."""

MODEL_NAME = re.compile(
    r"(?P<family>[a-z0-9.]+)"
    r"(?::(?P<size>\d+(?:x\d+)?b|latest)(?:-(?:instruct|text|base|chat))?(?:-v\d(?:\.\d)?)?(?:-(?P<quantisation>\w+))?)?"
)


def estimate(
    model_name: str,
    context_tokens: int,
    parallel: int = 1,
    kv_type: str = "f16",
    flash_attention: bool = True,
) -> MemoryEstimate | None:
    """What `model_name`, as Ollama writes it, takes with `parallel` slots of `context_tokens` each.

    None where the model, its quantisation or the KV cache's type is not known. With flash attention, which llama.cpp
    turns on by itself, the compute buffer does not grow with the context.
    """
    model = recognise(model_name)
    return None if model is None else estimate_of(model, context_tokens, parallel, kv_type, flash_attention)


def estimate_of(
    model: "QuantisedModel",
    context_tokens: int,
    parallel: int = 1,
    kv_type: str = "f16",
    flash_attention: bool = True,
) -> MemoryEstimate | None:
    """The same for a model whose dimensions are known."""
    architecture, quantisation = model.architecture, model.quantisation
    kv_bytes = BYTES_PER_KV_VALUE.get(kv_type)
    if kv_bytes is None or quantisation not in QUANTISATIONS:
        return None
    weights_mib = _weights_mib(architecture, quantisation)
    if weights_mib is None:
        return None
    tokens = context_tokens * parallel
    kv_values = 2 * architecture.layers * architecture.kv_heads * architecture.head_size * tokens
    return MemoryEstimate(
        weights_mib=weights_mib,
        kv_mib=kv_values * kv_bytes / MIB,
        compute_mib=_compute_bytes(architecture, tokens, flash_attention) / MIB,
        overhead_mib=OVERHEAD_MIB,
    )


def recognise(model_name: str) -> QuantisedModel | None:
    """The architecture and quantisation that a model's name stands for, or None where it is not in the catalogue."""
    match = MODEL_NAME.fullmatch(model_name.strip().lower())
    sizes = CATALOGUE.get(match["family"]) if match else None
    if match is None or sizes is None:
        return None
    size = match["size"]
    architecture = next(iter(sizes.values())) if size in {None, "latest"} else sizes.get(size)
    quantisation = (match["quantisation"] or DEFAULT_QUANTISATION).upper()
    if architecture is None or quantisation not in QUANTISATIONS:
        return None
    return QuantisedModel(architecture, quantisation)


def told_model(shown: Mapping[str, Any]) -> QuantisedModel | None:
    """The model as Ollama's `/api/show` describes it; None where that lacks what the estimate follows from."""
    info, details = shown.get("model_info") or {}, shown.get("details") or {}
    family = info.get("general.architecture")
    told: dict[str, Any] = {field: info.get(f"{family}.{key}") for field, key in OLLAMA_KEYS.items()}
    told["vocabulary"] = told["vocabulary"] or len(info.get("tokenizer.ggml.tokens") or ())
    told["kv_heads"] = told["kv_heads"] or told["heads"]
    if info.get(f"{family}.expert_count") or not all(isinstance(told[field], int) and told[field] for field in NEEDED):
        return None
    told["head_size"] = told["head_size"] or told["embedding"] // told["heads"]
    quantisation = str(details.get("quantization_level") or DEFAULT_QUANTISATION).upper()
    if quantisation not in QUANTISATIONS:
        return None
    return QuantisedModel(Architecture(**told, has_attention_bias=family in BIASED_FAMILIES), quantisation)


def model_of(kept: Mapping[str, Any]) -> QuantisedModel | None:
    """A model as `QuantisedModel.as_json` gave it."""
    try:
        return QuantisedModel(Architecture(**kept["architecture"]), str(kept["quantisation"]))
    except (KeyError, TypeError):
        return None


def known_models() -> tuple[str, ...]:
    """Every model in the catalogue, by its shortest exact name."""
    return tuple(f"{family}:{size}" for family, sizes in CATALOGUE.items() for size in sizes)


@cache
def _weights_mib(architecture: Architecture, quantisation: str) -> float | None:
    """The weights that lie on the card: the layers and the output matrix; the token embedding stays in host memory."""
    if architecture.observed_weights_mib is not None:
        return architecture.observed_weights_mib if quantisation == DEFAULT_QUANTISATION else None
    _, output_type = QUANTISATIONS[quantisation]
    output = _matrix_bytes(architecture.vocabulary, architecture.embedding, output_type)
    norm = architecture.embedding * BYTES_PER_WEIGHT["F32"]
    layers = sum(_layer_bytes(architecture, quantisation, layer) for layer in range(architecture.layers))
    return (output + norm + layers) / MIB


def _layer_bytes(architecture: Architecture, quantisation: str, layer: int) -> float:
    base, _ = QUANTISATIONS[quantisation]
    value_type, down_type = _sensitive_types(architecture, quantisation, layer)
    width, queries = architecture.embedding, architecture.heads * architecture.head_size
    keys = architecture.kv_heads * architecture.head_size
    matrices = (
        (queries, width, base),
        (keys, width, base),
        (keys, width, value_type),
        (width, queries, base),
        (architecture.feed_forward, width, base),
        (architecture.feed_forward, width, base),
        (width, architecture.feed_forward, down_type),
    )
    vectors = 2 * width + (queries + 2 * keys if architecture.has_attention_bias else 0)
    return sum(_matrix_bytes(*matrix) for matrix in matrices) + vectors * BYTES_PER_WEIGHT["F32"]


def _sensitive_types(architecture: Architecture, quantisation: str, layer: int) -> tuple[str, str]:
    """The types of the attention's value matrix and of the feed-forward's last one, which Q4_K_M treats better."""
    base, _ = QUANTISATIONS[quantisation]
    if quantisation != "Q4_K_M":
        return base, base
    eighth = architecture.layers // 8
    if layer < eighth or layer >= 7 * architecture.layers // 8 or (layer - eighth) % 3 == 2:
        return "Q6_K", "Q6_K"
    is_70b_class = architecture.layers == 80
    return ("Q5_K" if is_70b_class else base), base


def _matrix_bytes(rows: int, columns: int, weight_type: str) -> float:
    actual = weight_type if columns % 256 == 0 else NARROW_ROW_TYPE.get(weight_type, weight_type)
    return rows * columns * BYTES_PER_WEIGHT[actual]


def _compute_bytes(architecture: Architecture, tokens: int, flash_attention: bool) -> int:
    width, heads = architecture.embedding, architecture.heads
    logits = 4 * MICRO_BATCH_TOKENS * (width + architecture.vocabulary)
    if flash_attention:
        return logits
    attention = 4 * MICRO_BATCH_TOKENS * (1 + 4 * width + tokens * (1 + heads))
    return max(attention, logits)
