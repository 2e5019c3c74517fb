"""A list that is kept stays as it was, whatever happens to the list."""

from hypothesis import given
from hypothesis import strategies as st

from helios_core.allocation.versioned import PART, Versioned


@given(st.integers(1, 3 * PART), st.lists(st.tuples(st.integers(0, 3 * PART), st.booleans()), max_size=60))
def test_what_is_kept_does_not_change(length: int, changes: list[tuple[int, bool]]) -> None:
    model, versioned = list(range(length)), Versioned(range(length))
    kept = [(versioned.keep(), model.copy())]
    for value, (position, keep) in enumerate(changes):
        model[position % length] = versioned[position % length] = -value
        if keep:
            kept.append((versioned.keep(), model.copy()))
    assert list(versioned) == model
    assert all(list(then) == expected for then, expected in kept)
