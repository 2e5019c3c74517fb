"""A draft of a placement as its URL holds it."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.placement_draft import PlacementDraft


def test_an_agent_that_is_put_where_it_is_leaves_the_draft() -> None:
    draft = PlacementDraft().moved(7, 2, present=0).moved(9, "anywhere", present=None)
    assert draft.targets == ((7, 2), (9, "anywhere"))
    assert draft.moved(7, None, present=0).targets == ((9, "anywhere"), (7, None))
    assert draft.moved(7, 0, present=0).targets == ((9, "anywhere"),)
    assert PlacementDraft().is_empty
    assert not PlacementDraft(without=(1,)).is_empty


def show() -> None:
    """A page that shows what it read of its URL."""
    import streamlit as st

    from dashboard.components.placement_draft import draft_in_url

    st.text(repr(draft_in_url()))


@pytest.mark.parametrize(
    ("draft", "without", "read"),
    [
        ("7.2,9.any,11.none", "1", PlacementDraft(((7, 2), (9, "anywhere"), (11, None)), (1,))),
        ("7.2,7.3", "", PlacementDraft(((7, 3),))),
        ("x.2,7.,.3,7.best,-1.0,٣.1," + "9" * 40 + ".1", "a,1,1,-2", PlacementDraft((), (1,))),
        ("", "", PlacementDraft()),
    ],
)
def test_what_cannot_be_read_of_a_url_is_left_out(draft: str, without: str, read: PlacementDraft) -> None:
    page = AppTest.from_function(show)
    page.query_params["draft"] = draft
    page.query_params["without"] = without
    page.run()
    assert page.text[0].value == repr(read)
    page.query_params["evict"] = "yes"
    page.run()
    assert page.text[0].value == repr(replace(read, may_evict=True))
