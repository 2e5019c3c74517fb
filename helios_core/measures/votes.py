"""How many independent votes a team has: experts on one base model err alike."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

WITHIN_MODEL_CORRELATION = 0.6
"""How alike two experts on one base model err. An assumption, of the size that was found: over 350 models, even
different ones, agreed in 60 % of the cases in which both were wrong (Kim, Garg, Peng and Garg, "Correlated Errors in
Large Language Models", ICML 2025)."""

METHOD = (
    f"n experts on one base model count as n / (1 + {WITHIN_MODEL_CORRELATION} (n - 1)): Kish's design effect, with "
    f"the correlation {WITHIN_MODEL_CORRELATION} assumed. Different models are counted as independent, which "
    "flatters them."
)

PREFIX = re.compile(r"^(?:[\w.-]+/)+")
DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)$")
VARIANT = re.compile(
    r"[-_.:](?:latest|instruct|chat|it|gguf|gptq|awq|bnb|exl2|mlx|fp16|fp8|bf16|f16|f32|int[48]|[48]-?bit|i?q\d+\w*)$"
)


def effective_votes(models: Sequence[str | None]) -> float | None:
    """The number of independent votes that experts on these models amount to; None where a model is not known.

    Kish, Survey Sampling (1965), §5.4: a cluster of n with the intraclass correlation ρ carries as much as
    n / (1 + (n - 1) ρ) independent observations. With no correlation between clusters their sum is 1ᵀR⁻¹1, the
    precision of the best weighted mean relative to that of one vote.
    """
    known = [base_model(model) for model in models if model is not None]
    if not known or len(known) < len(models):
        return None
    return sum(_cluster_votes(size) for size in Counter(known).values())


def vote_weights(models: Sequence[str | None]) -> list[float]:
    """What each expert's voice counts, so that those of one base model together count as `effective_votes` says.

    An expert whose model is not known counts as one.
    """
    sizes = Counter(base_model(model) for model in models if model is not None)
    return [1.0 if model is None else _cluster_votes(n := sizes[base_model(model)]) / n for model in models]


def shared_models(models: Iterable[str | None]) -> dict[str, int]:
    """The base models that more than one expert answers with, and how many do."""
    sizes = Counter(base_model(model) for model in models if model is not None)
    return {model: size for model, size in sizes.items() if size > 1}


def base_model(name: str) -> str:
    """A model's name without its publisher, date, tuning and quantisation, in which it does not think differently."""
    base = PREFIX.sub("", name.strip().lower())
    while (shorter := VARIANT.sub("", DATE.sub("", base))) != base and shorter:
        base = shorter
    return base


def _cluster_votes(size: int) -> float:
    return size / (1 + WITHIN_MODEL_CORRELATION * (size - 1))
