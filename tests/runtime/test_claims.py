"""Claims that a model drew, held to what the experts really said."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.measures.consensus import Answered, Stance
from helios_core.runtime.claims import MAX_CLAIMS, is_quoted, read_claims
from tests.ingest.real_files import CAPTAIN_AGENT, MAGENTIC_ONE, needs_real_files, text_of

ANSWERS = (
    Answered("technical_expert", "Technical Expert", "Spot is **cheaper**, at prices of today.\n\nBut: “it stops”."),
    Answered("data_analyst", "Data Analyst", "Interruptions cost more than spot saves."),
)


def drawn(*stances: tuple[object, object, object]) -> dict[str, object]:
    items = [{"response": number, "stance": stance, "quote": quote} for number, stance, quote in stances]
    return {"claims": [{"claim": "Spot saves money", "stances": items}]}


def test_a_stance_with_its_quotation_counts() -> None:
    found = read_claims(
        drawn((1, "for", "spot is cheaper, at prices of TODAY"), (2, "against", "cost more … saves")), ANSWERS
    )
    (claim,) = found.claims
    assert claim.stances == (
        Stance(0, "technical_expert", "for", "spot is cheaper, at prices of TODAY"),
        Stance(1, "data_analyst", "against", "cost more … saves"),
    )
    assert found.rejected == ()


@pytest.mark.parametrize(
    ("stance", "reason"),
    [
        ((1, "for", "Spot is cheaper in any year"), "The quotation is not in the response."),
        ((2, "for", "Spot is cheaper"), "The quotation is not in the response."),
        ((1, "for", "spot"), "The quotation is not in the response."),
        ((1, "for", ""), "The quotation is not in the response."),
        ((1, "for", None), "The quotation is not in the response."),
        ((1, "neutral", "Spot is cheaper"), "It is neither for, against nor qualified."),
        ((3, "for", "Spot is cheaper"), "It names a response that there is not."),
        ((0, "for", "Spot is cheaper"), "It names a response that there is not."),
        (("one", "for", "Spot is cheaper"), "It names a response that there is not."),
        ((True, "against", "Spot is cheaper"), "It names a response that there is not."),
    ],
)
def test_a_stance_that_nothing_proves_is_rejected_with_its_reason(
    stance: tuple[object, object, object], reason: str
) -> None:
    found = read_claims(drawn(stance), ANSWERS)
    assert found.claims == ()
    assert [rejected.reason for rejected in found.rejected] == [reason]


def test_an_expert_has_one_stance_on_a_claim() -> None:
    found = read_claims(drawn((1, "for", "Spot is cheaper"), (1, "against", "it stops, at prices")), ANSWERS)
    assert [stance.position for stance in found.claims[0].stances] == ["for"]
    assert found.rejected[0].reason == "The expert was given a second stance on the same claim."


def test_claims_beyond_the_limit_and_without_stances_are_not_lost_in_silence() -> None:
    one = {"stances": [{"response": 1, "stance": "for", "quote": "Spot is cheaper"}]}
    many = [{"claim": f"Claim {place}", **one} for place in range(MAX_CLAIMS + 2)]
    found = read_claims({"claims": [{"claim": "Nobody cares", "stances": []}, *many]}, ANSWERS)
    assert len(found.claims) == MAX_CLAIMS
    assert [rejected.claim for rejected in found.rejected] == ["Nobody cares", "Claim 12", "Claim 13"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["for", "Spot is cheaper", ""]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["claim", "stances", "response", "stance", "quote"]), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(st.none() | st.dictionaries(st.just("claims"), JSON))
def test_no_structure_breaks_the_reading_and_every_quotation_is_real(structured: dict[str, object] | None) -> None:
    for claim in read_claims(structured, ANSWERS).claims:
        assert all(is_quoted(stance.quote, ANSWERS[stance.response].text) for stance in claim.stances)


@needs_real_files
def test_sentences_of_real_answers_are_found_and_changed_ones_are_not() -> None:
    for path in (*MAGENTIC_ONE, *CAPTAIN_AGENT):
        said = [turn["content"] for turn in json.loads(text_of(path))["history"]]
        for text in said:
            for sentence in re.split(r"(?<=[.!?])\s+", text)[:5]:
                words = sentence.split()
                if sum(map(str.isalnum, sentence)) >= 8:
                    assert is_quoted(sentence, text)
                    assert is_quoted(f"  {sentence.upper()}  ", text)
                    assert not is_quoted(" ".join([*words, "zyxwvut"]), text)
