"""A draft of a placement as its URL holds it."""

from dataclasses import fields, replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.placement_board import next_target
from dashboard.components.placement_draft import PlacementDraft, Target
from helios_core.views.placement import PlacedAgent


def test_an_agent_that_is_put_where_it_is_leaves_the_draft() -> None:
    draft = PlacementDraft().moved(7, 2, present=0).moved(9, "anywhere", present=None)
    assert draft.targets == ((7, 2), (9, "anywhere"))
    assert draft.moved(7, None, present=0).targets == ((9, "anywhere"), (7, None))
    assert draft.moved(7, 0, present=0).targets == ((9, "anywhere"),)
    assert PlacementDraft().is_empty
    assert not PlacementDraft(without=(1,)).is_empty
    several = PlacementDraft().moved(7, (0, 1), present=(1, 2))
    assert several.targets == ((7, (0, 1)),)
    assert several.moved(7, (1, 2), present=(1, 2)).is_empty


def test_newcomers_of_one_kind_are_counted_together() -> None:
    draft = PlacementDraft().joined("writer", 2).joined("critic", 1, 0)
    assert draft.more == (("writer", 2, "anywhere"), ("critic", 1, 0))
    assert draft.joined("writer", 3, (0, 1)).more == (("critic", 1, 0), ("writer", 3, (0, 1)))
    assert draft.joined("writer", 0).joined("critic", 0).is_empty


@pytest.mark.parametrize(
    ("on", "numbers", "asked", "click", "wanted"),
    [
        ((0,), (1, 2), None, 1, 1),
        ((0, 1), (1, 2), None, 2, (1, 2)),
        ((0, 1), (1, 2), (1, 2), 0, (2, 0)),
        ((0, 1), (1, 2), None, "anywhere", "anywhere"),
        ((), (2, 4), None, 3, 3),
        ((), (2, 4), 3, 1, (3, 1)),
        ((0, 1), (2,), None, None, None),
    ],
)
def test_an_agent_on_several_cards_keeps_as_many_the_last_that_were_clicked(
    on: tuple[int, ...], numbers: tuple[int, ...], asked: Target, click: Target, wanted: Target
) -> None:
    agent = PlacedAgent(
        **{field.name: None for field in fields(PlacedAgent)} | {"gpu_ids": on, "numbers": numbers}  # type: ignore[arg-type]
    )
    assert next_target(agent, click, asked) == wanted


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
        ("7.0-1,8.1-1,9.0-x,10.-1", "", PlacementDraft(((7, (0, 1)), (8, 1)))),
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
    page.query_params["more"] = "writer.2.any,critic.1.0-1,nobody.0.any,writer,x.65.any,y.1.best"
    page.run()
    more: tuple[tuple[str, int, Target], ...] = (("writer", 2, "anywhere"), ("critic", 1, (0, 1)))
    assert page.text[0].value == repr(replace(read, may_evict=True, more=more))
