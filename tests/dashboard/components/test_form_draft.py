"""What is typed into a form is kept while the form is not on the page, and begins anew where somebody saved."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    """A form that can be hidden, of a thing that somebody else may save."""
    import streamlit as st

    from dashboard.components.form_draft import form_draft

    base = {"name": st.session_state.get("saved", "old"), "models": ["a"], "memory": None, "kind": "x"}
    draft = form_draft("thing", base, base["name"])
    if not st.toggle("Hide"):
        draft.show("name", "Name", st.text_input)
        draft.show("memory", "Memory", st.number_input, step=1)
        draft.show("models", "Models", st.multiselect, options=["b", "c"])
        draft.show("kind", "Kind", st.selectbox, options=["y"])
    st.text(repr(draft.values))


def test_what_is_typed_outlives_a_while_off_the_page() -> None:
    shown = AppTest.from_function(page).run()
    assert (shown.multiselect[0].options, shown.selectbox[0].options) == (["b", "c", "a"], ["y", "x"])
    shown.text_input[0].set_value("new")
    shown.number_input[0].set_value(7)
    shown.multiselect[0].set_value(["a", "c"])
    shown.selectbox[0].set_value("y")
    shown.toggle[0].set_value(True).run()
    assert not shown.text_input
    shown.toggle[0].set_value(False).run()
    typed = {"name": "new", "models": ["a", "c"], "memory": 7, "kind": "y"}
    assert shown.text[0].value == repr(typed)
    assert (shown.text_input[0].value, shown.number_input[0].value) == ("new", 7)
    assert (shown.multiselect[0].value, shown.selectbox[0].value) == (["a", "c"], "y")


def test_a_browser_that_forgot_a_field_is_told_what_was_typed() -> None:
    shown = AppTest.from_function(page).run()
    shown.text_input[0].set_value("new").run()
    shown.selectbox[0].set_value("y").run()
    assert (shown.text_input[0].proto.default, shown.selectbox[0].proto.default) == ("new", 0)


def test_a_form_in_which_nothing_is_typed_follows_what_somebody_saves() -> None:
    shown = AppTest.from_function(page).run()
    shown.session_state["saved"] = "theirs"
    assert shown.run().text_input[0].value == "theirs"
    shown.text_input[0].set_value("mine").run()
    shown.session_state["saved"] = "theirs again"
    assert shown.run().text_input[0].value == "mine"
