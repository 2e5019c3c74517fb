"""Scores on their scales."""

import pytest

from helios_core.measures.scores import GRADES, SHARE, Assessment


@pytest.mark.parametrize(
    ("value", "scale", "share"), [(1, GRADES, 0), (4, GRADES, 0.75), (5, GRADES, 1), (0.9, SHARE, 0.9)]
)
def test_a_score_is_comparable_as_a_share_of_its_scale(value: float, scale: object, share: float) -> None:
    assert isinstance(scale, type(GRADES))
    assert Assessment("overall", value, scale).share == pytest.approx(share)
