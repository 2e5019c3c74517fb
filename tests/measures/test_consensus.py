"""What stances amount to: agreement, votes, minorities, contributions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.measures.consensus import (
    POSITIONS,
    Answered,
    DrawnClaim,
    Position,
    Stance,
    consensus,
    disputed,
    minority,
)

TEAM = (
    Answered("technical_expert", "Technical Expert", "Move now, spot is cheaper.", "llama3.1:8b"),
    Answered("business_analyst", "Business Analyst", "Move now, it pays in a month.", "llama3.1:8b-instruct-q4_K_M"),
    Answered("socratic_expert", "Socratic Expert", "Not before a restart was tried.", "mistral:7b"),
    Answered("data_analyst", "Data Analyst", "Count the interruptions first.", "phi4:14b"),
)


def claim(text: str, **positions: Position) -> DrawnClaim:
    ids = [answer.agent_id for answer in TEAM]
    return DrawnClaim(
        text,
        tuple(
            Stance(ids.index(agent), agent, position, TEAM[ids.index(agent)].text)
            for agent, position in positions.items()
        ),
    )


def test_two_experts_on_one_model_do_not_outweigh_two_on_their_own() -> None:
    split = claim(
        "Move now", technical_expert="for", business_analyst="for", socratic_expert="against", data_analyst="against"
    )
    found = minority(split, TEAM)
    assert found is not None
    assert found.majority == "against"
    assert [stance.agent_id for stance in found.stances] == ["technical_expert", "business_analyst"]


def test_nobody_is_a_minority_among_equals_or_alone() -> None:
    assert minority(claim("a", technical_expert="for", socratic_expert="against"), TEAM) is None
    assert minority(claim("a", technical_expert="for", socratic_expert="for"), TEAM) is None
    assert minority(claim("a", technical_expert="for", socratic_expert="qualified"), TEAM) is None
    assert minority(claim("a"), TEAM) is None


def test_a_consensus_tells_who_stands_alone_and_in_how_many_votes() -> None:
    claims = (
        claim("Spot is cheaper", technical_expert="for", business_analyst="for"),
        claim("Move now", technical_expert="for", business_analyst="for", socratic_expert="against"),
    )
    found = consensus(claims, TEAM, "Move now, spot is cheaper. [Technical Expert] We shall see.")
    assert found.score == pytest.approx((1 + 1 / 3) / 2)
    assert found.effective_votes == pytest.approx(2 / 1.6 + 1 + 1)
    assert found.minority_report == "Socratic Expert, alone against “Move now”: “Not before a restart was tried.”"
    assert [round(part.weight, 2) for part in found.contributions] == [0.7, 0, 0, 0]
    assert disputed(claims) == (claims[1],)


def test_without_claims_nothing_is_said_of_agreement() -> None:
    found = consensus((), TEAM, "Yes.")
    assert (found.score, found.minorities, found.minority_report) == (None, (), None)


@given(
    st.lists(
        st.dictionaries(st.sampled_from([answer.agent_id for answer in TEAM]), st.sampled_from(POSITIONS), max_size=4),
        max_size=5,
    )
)
def test_a_minority_never_weighs_more_than_those_whom_it_opposes(drawn: list[dict[str, Position]]) -> None:
    claims = [claim(f"claim {place}", **positions) for place, positions in enumerate(drawn)]
    found = consensus(claims, TEAM, "So.")
    assert found.score is None or 0 <= found.score <= 1
    for one in found.minorities:
        positions = drawn[int(one.claim.removeprefix("claim "))]
        assert {positions[stance.agent_id] for stance in one.stances}.isdisjoint({one.majority, "qualified"})
    assert (found.minority_report is None) == (not found.minorities)
