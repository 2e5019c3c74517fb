"""The memory estimate against figures that real model servers printed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.providers.memory import estimate, known_models, recognise

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "memory_golden.json").read_text())


@pytest.mark.parametrize("example", GOLDEN, ids=[example["id"] for example in GOLDEN])
def test_estimate_equals_the_golden_figures_to_the_printed_digit(example: dict[str, Any]) -> None:
    family, _, size = example["model"].rpartition("-")
    found = estimate(
        f"{family}:{size}-instruct-{example['quant']}",
        example["ctx"],
        parallel=example["num_parallel"],
        kv_type=example["kv_type"],
        flash_attention=example["flash_attention"],
    )
    assert found is not None
    assert round(found.weights_mib, 2) == example["weights_gpu_mib"]
    assert round(found.kv_mib, 2) == example["kv_mib"]
    assert round(found.compute_mib, 2) == example["compute_mib"]
    assert round(found.overhead_mib, 2) == example["overhead_mib"]
    assert round(found.required_mib, 2) == example["required_mib"]


def test_a_reservation_holds_what_is_required() -> None:
    found = estimate("llama3.1:8b", 8192, flash_attention=False)
    assert found is not None
    assert found.reservation_mib == 6500


def test_agents_that_share_a_loaded_model_add_their_kv_cache_only() -> None:
    one, four = estimate("llama3.1:8b", 8192), estimate("llama3.1:8b", 8192, parallel=4)
    assert one is not None
    assert four is not None
    assert four.shared_mib == one.shared_mib
    assert four.kv_mib == 4 * one.kv_mib


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("llama3.1", "llama3.1:8b-instruct-q4_K_M"),
        ("qwen2.5:latest", "qwen2.5:7b"),
        (" Mistral:7B ", "mistral:7b-instruct-v0.3-q4_K_M"),
    ],
)
def test_a_model_is_known_by_each_of_its_names(name: str, same_as: str) -> None:
    assert recognise(name) is not None
    assert recognise(name) == recognise(same_as)


@pytest.mark.parametrize("name", ["", "gpt-4o", "phi4:14b", "llama3.1:9b", "llama3.1:8b-q3_K_S", "mixtral:8x7b-q8_0"])
def test_an_unknown_model_is_unknown_and_not_zero(name: str) -> None:
    assert estimate(name, 8192) is None


def test_an_unknown_type_of_kv_cache_is_unknown() -> None:
    assert estimate("llama3.1:8b", 8192, kv_type="q5_1") is None


@given(st.sampled_from(known_models()), st.integers(1, 131_072), st.integers(1, 131_072))
def test_a_longer_context_never_takes_less(model: str, first: int, second: int) -> None:
    shorter, longer = estimate(model, min(first, second)), estimate(model, max(first, second))
    assert shorter is not None
    assert longer is not None
    assert shorter.required_mib <= longer.required_mib
