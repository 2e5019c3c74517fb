"""Experts on one base model are not independent votes."""

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.ingest import samples
from helios_core.measures.votes import (
    WITHIN_MODEL_CORRELATION,
    base_model,
    effective_votes,
    shared_models,
    vote_weights,
)

MODELS = st.lists(st.sampled_from(["llama3.1:8b", "mistral:7b", "qwen2.5:14b", "phi4:14b"]), min_size=1, max_size=9)


@given(MODELS)
def test_votes_are_the_precision_of_the_best_weighted_mean(models: list[str]) -> None:
    correlation = np.array([[WITHIN_MODEL_CORRELATION * (a == b) for b in models] for a in models])
    np.fill_diagonal(correlation, 1.0)
    ones = np.ones(len(models))
    votes = effective_votes(models)
    assert votes == pytest.approx(float(ones @ np.linalg.solve(correlation, ones)))
    assert votes == pytest.approx(sum(vote_weights(models)))
    assert votes is not None
    assert len(set(models)) <= votes <= len(models)


@given(MODELS, st.sampled_from(["llama3.1:8b", "new:1b"]))
def test_another_expert_never_lowers_the_votes(models: list[str], another: str) -> None:
    before, after = effective_votes(models), effective_votes([*models, another])
    assert before is not None
    assert after is not None
    assert after > before


def test_votes_are_unknown_where_a_model_is() -> None:
    assert effective_votes(["llama3.1:8b", None]) is None
    assert effective_votes([]) is None
    assert vote_weights(["llama3.1:8b", "llama3.1:8b", None]) == [0.625, 0.625, 1.0]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("llama3.1:8b-instruct-q4_K_M", "llama3.1:8b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("models/gemini-2.0-flash", "gemini-2.0-flash"),
        ("qwen2.5:latest", "qwen2.5"),
        ("Qwen/Qwen2.5-14B-Instruct-AWQ", "qwen2.5-14b"),
        ("mistral:7b", "mistral:7b"),
        ("latest", "latest"),
    ],
)
def test_a_quantisation_or_a_date_does_not_make_another_model(name: str, base: str) -> None:
    assert base_model(name) == base
    assert base_model(base) == base


def test_sizes_are_models_of_their_own() -> None:
    assert base_model("llama3.1:8b") != base_model("llama3.1:70b")
    assert shared_models(["llama3.1:8b", "llama3.1:8b-instruct-q8_0", "llama3.1:70b", None]) == {"llama3.1:8b": 2}


@given(st.text(max_size=60))
def test_every_name_has_one_base(name: str) -> None:
    assert base_model(base_model(name)) == base_model(name)


def test_the_samples_count_votes_as_the_formula_does() -> None:
    checked = 0
    for file in files(samples).iterdir():
        if file.name.endswith(".json"):
            record = json.loads(file.read_text("utf-8"))
            experts = {answer["agent_id"]: answer["model_name"] for answer in record["responses"]}
            for synthesis in record.get("syntheses", []):
                checked += 1
                assert synthesis["effective_votes"] == pytest.approx(effective_votes([*experts.values()]), abs=0.005)
    assert checked
