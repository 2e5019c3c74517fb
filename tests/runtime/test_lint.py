"""What can be wrong with directives, told apart."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from helios_core.runtime.lint import repeats, reply, similarity, waiting_in_a_circle
from helios_core.services.findings import Finding

GRAPHS = st.integers(1, 7).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=4, unique=True), min_size=size, max_size=size)
)


@given(GRAPHS)
def test_without_the_refused_dependencies_nobody_waits_in_a_circle(depends_on: list[list[int]]) -> None:
    refused = set(waiting_in_a_circle(depends_on))
    kept = [[other for other in others if (place, other) not in refused] for place, others in enumerate(depends_on)]
    done: set[int] = set()
    while ready := [place for place, others in enumerate(kept) if place not in done and done.issuperset(others)]:
        done.update(ready)
    assert len(done) == len(kept)


@given(st.permutations(range(6)))
def test_a_chain_of_dependencies_is_kept_whole(order: list[int]) -> None:
    depends_on: list[list[int]] = [[] for _ in order]
    for first, second in pairwise(order):
        depends_on[second] = [first]
    assert waiting_in_a_circle(depends_on) == ()


@given(st.text(max_size=50), st.text(max_size=50))
def test_similarity_is_a_share_that_both_sides_agree_on(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) == similarity(other, one) <= 1
    assert similarity(one, one) == 1


def test_another_wording_of_a_task_is_the_same_task_and_another_object_is_not() -> None:
    assert repeats("Please count the jobs of last week", ["count the jobs of last week"])
    assert not repeats("Count the jobs of this month", ["Count the hosts of this month"])
    assert not repeats("Count the jobs", [])


def test_the_reply_names_each_finding_with_what_was_done() -> None:
    finding = Finding("empty_directive", "It asks for nothing.", "@[X]", "It was not sent.")
    assert reply([finding, finding]).splitlines() == ["- It asks for nothing. It was not sent."] * 2
    assert reply([]) == ""
