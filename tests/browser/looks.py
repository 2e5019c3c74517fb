"""The themes and widths in which pages are drawn: some in the usual run, all of them with `-m slow`."""

from typing import Any, Literal

import pytest

Theme = Literal["light", "dark"]
Look = tuple[Theme, int]
"""A theme, and how wide the window is."""

WIDE: Look = ("light", 1440)
NARROW: Look = ("dark", 390)
EVERY: tuple[Look, ...] = (WIDE, NARROW, ("dark", 1440), ("light", 390))


def usually(*usual: Look) -> list[Any]:
    """Every look for `pytest.mark.parametrize`, all but the `usual` ones behind the marker `slow`."""
    return [
        pytest.param(look, id=f"{look[0]}-{look[1]}", marks=[] if look in usual else pytest.mark.slow) for look in EVERY
    ]


LOOKS = usually(WIDE, NARROW)
"""For a single page: the two that hold each theme and each width once."""
