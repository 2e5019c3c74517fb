"""Which part of an answer comes from whom."""

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.ingest import samples
from helios_core.measures.attribution import Passage, Source, attribute
from tests.ingest.real_files import CAPTAIN_AGENT, needs_real_files, text_of

EXPERT = Source("technical_expert", "Technical Expert", "Spot instances are cheaper at the prices of today, by 61 %.")
ANALYST = Source("data_analyst", "Data Analyst", "Eight of one hundred runs restart when an instance is taken away.")


def test_a_citation_decides_and_overlap_speaks_where_there_is_none() -> None:
    found = attribute(
        "The saving is real. [Technical Expert] It is large.\n"
        "1. Eight of one hundred runs restart when an instance goes.\n"
        "2. Both matter [technical_expert, Data Analyst].\n"
        "Who says so? [Cloud Guru]\n"
        "I would try it for a month.",
        (EXPERT, ANALYST),
    )
    assert found.passages == (
        Passage("The saving is real. [Technical Expert] ", {0: 1.0}, "citation"),
        Passage("It is large.\n", {}, "own"),
        Passage("1. Eight of one hundred runs restart when an instance goes.\n", {1: 1.0}, "overlap"),
        Passage("2. Both matter [technical_expert, Data Analyst].\n", {0: 0.5, 1: 0.5}, "citation"),
        Passage("Who says so? [Cloud Guru]\n", {}, "own"),
        Passage("I would try it for a month.", {}, "own"),
    )


def test_an_answer_that_repeats_one_response_is_that_experts() -> None:
    assert attribute(EXPERT.text, (EXPERT, ANALYST)).weights(2) == [1.0, 0.0]
    assert attribute("Wholly other words, in another order.", (EXPERT, ANALYST)).weights(2) == [0.0, 0.0]
    assert attribute("", (EXPERT,)).weights(1) == [0.0]


def test_two_responses_of_one_expert_share_a_citation_by_what_is_repeated() -> None:
    other = Source("technical_expert", "Technical Expert", "Hosts fail once a year.")
    found = attribute(f"{other.text} [Technical Expert]", (EXPERT, other))
    assert found.weights(2) == [0.0, 1.0]


@given(st.text(max_size=400), st.lists(st.text(max_size=200), max_size=3))
def test_the_passages_are_the_answer_and_the_shares_are_shares(answer: str, texts: list[str]) -> None:
    sources = [Source(f"agent_{place}", f"Agent {place}", text) for place, text in enumerate(texts)]
    found = attribute(answer, sources)
    assert "".join(passage.text for passage in found.passages) == answer
    for passage in found.passages:
        assert (sum(passage.shares.values()) == pytest.approx(1)) == (passage.basis != "own")
    weights = found.weights(len(sources))
    assert all(0 <= weight <= 1 + 1e-9 for weight in weights)
    assert sum(weights) <= 1 + 1e-9


def test_the_samples_answers_rest_on_their_experts() -> None:
    for file in files(samples).iterdir():
        record = json.loads(file.read_text("utf-8")) if file.name.endswith(".json") else {"syntheses": []}
        for synthesis in record.get("syntheses", []):
            sources = [Source(one["agent_id"], one["agent_id"], one["content"]) for one in record["responses"]]
            weights = attribute(synthesis["content"], sources).weights(len(sources))
            assert sum(weights) > 0.05


@needs_real_files
def test_a_real_message_that_quotes_another_is_traced_to_it() -> None:
    for path in CAPTAIN_AGENT:
        texts = [turn["content"] for turn in json.loads(text_of(path))["history"] if len(turn["content"].split()) > 20]
        sources = [Source(f"speaker_{place}", f"Speaker {place}", text) for place, text in enumerate(texts)]
        for place, text in enumerate(texts):
            weights = attribute(text, sources).weights(len(sources))
            assert max(weights) == pytest.approx(weights[place])
