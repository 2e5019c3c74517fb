"""Agreement on claims, and Cohen's κ between raters."""

from math import sqrt
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_core.measures.agreement import Z_95, agreement, agreement_on, kappa, too_few_pairs

POSITIONS = st.sampled_from(["for", "against", "qualified"])
RATINGS = st.integers(0, 2)


@given(st.lists(POSITIONS, min_size=2, max_size=9))
def test_agreement_on_a_claim_is_the_share_of_pairs_that_agree(stances: list[str]) -> None:
    pairs = [(a, b) for place, a in enumerate(stances) for b in stances[place + 1 :]]
    assert agreement_on(stances) == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


def test_one_stance_or_none_is_no_agreement() -> None:
    assert agreement_on(["for"]) is None
    assert agreement([{"a": "for"}, {}]) is None
    assert agreement([{"a": "for", "b": "for"}, {"a": "for", "b": "against"}, {"a": "for"}]) == 0.5


def test_two_categories_give_the_textbooks_kappa() -> None:
    # 50 proposals, two readers: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no; observed 0.7, by chance 0.5.
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    found = kappa(pairs, 2)
    assert found is not None
    assert found.value == pytest.approx(0.4)
    assert found.pairs == 50
    assert found.low < 0.4 < found.high


def test_the_interval_is_as_wide_as_resampling_makes_it() -> None:
    random = Random(7)
    pairs = [
        (rating, min(2, max(0, rating + random.choice((0, 0, 0, -1, 1))))) for rating in random.choices(range(3), k=300)
    ]
    found = kappa(pairs, 3)
    assert found is not None
    resampled = [
        again.value for _ in range(400) if (again := kappa(random.choices(pairs, k=len(pairs)), 3)) is not None
    ]  # fmt: skip
    mean = fmean(resampled)
    deviation = sqrt(fmean((value - mean) ** 2 for value in resampled))
    assert (found.high - found.low) / (2 * Z_95) == pytest.approx(deviation, rel=0.2)


@given(st.lists(st.tuples(RATINGS, RATINGS), min_size=18, max_size=80))
def test_kappa_stays_in_its_interval_and_does_not_depend_on_who_is_first(pairs: list[tuple[int, int]]) -> None:
    found, turned = kappa(pairs, 3), kappa([(b, a) for a, b in pairs], 3)
    if found is None:
        assert any(len({pair[side] for pair in pairs}) < 2 for side in (0, 1))
        return
    assert turned is not None
    assert found.value == pytest.approx(turned.value)
    assert -1 <= found.low <= found.value <= found.high <= 1


@given(st.lists(RATINGS, min_size=18, max_size=60).filter(lambda ratings: len(set(ratings)) > 1))
def test_raters_who_always_agree_have_a_kappa_of_one(ratings: list[int]) -> None:
    found = kappa([(rating, rating) for rating in ratings], 3)
    assert found is not None
    assert found.value == pytest.approx(1)


def test_too_few_pairs_tell_nothing() -> None:
    assert too_few_pairs(17, 3) == 1
    assert too_few_pairs(18, 3) == 0
    assert kappa([(0, 0), (2, 2)] * 8 + [(1, 1)], 3) is None
    assert kappa([(1, 1)] * 40, 3) is None
