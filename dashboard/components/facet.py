"""A choice that narrows a list, and that the URL holds under its own name."""

from collections.abc import Mapping

import streamlit as st

from dashboard.render import short


def facet(name: str, label: str, options: Mapping[str, str]) -> str | None:
    """Let the viewer choose one of `options` (value: what it is called) or none; the value is in the URL as `name`.

    What is called what may change while the page is open, with a count in it for example; the URL stays the same.
    """
    values = list(options)
    chosen = st.query_params.get(name)
    if chosen is not None and chosen not in options:
        values.append(chosen)
    st.selectbox(
        label, values, index=values.index(chosen) if chosen is not None else None, key=f"facet_{name}",
        format_func=lambda value: short(options.get(value, value), 50), placeholder=f"any {label.lower()}",
        label_visibility="collapsed", on_change=_into_url, args=(name,),
    )  # fmt: skip
    return chosen


def _into_url(name: str) -> None:
    value = st.session_state[f"facet_{name}"]
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value
