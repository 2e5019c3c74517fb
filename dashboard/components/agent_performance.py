"""How an agent has done: its newest answers, in figures and one by one."""

from html import escape

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import formats
from dashboard.components.card import card
from dashboard.live import live, shared
from dashboard.render import clean, zone
from dashboard.theme import series_colour
from helios_core.views.agents import FEW_ANSWERS, Answer, Performance, performance

TABLE_ROWS = 50
FAILED = ("failed", "timeout")
ENDED = ("completed", "cancelled", *FAILED)


@live
def agent_performance(agent_id: str) -> None:
    """Summaries with the number of cases that they rest on, and the answers behind them."""
    found = shared(performance, agent_id)
    if not found.answers and not found.delegations:
        st.info(
            "This agent has not answered anything yet. Its figures begin with the first delegation to it.",
            icon=":material/hourglass_empty:",
        )
        return
    _summaries(found)
    if not found.answers:
        st.caption("No delegation to it has been answered yet.")
        return
    if figure := answer_chart(found.answers):
        with card("speed", "Length and time", "each answer, by model"):
            st.plotly_chart(figure, key="speed", config={"displayModeBar": False})
    with card("answers", "Newest answers", f"{min(len(found.answers), TABLE_ROWS)} of {len(found.answers)}"):
        _table(found.answers[:TABLE_ROWS])


def _summaries(found: Performance) -> None:
    failed = sum(found.delegations.get(status, 0) for status in FAILED)
    ended = sum(found.delegations.get(status, 0) for status in ENDED)
    columns = st.columns(5)
    _figure(columns[0], "Response time, median", formats.duration(found.response_seconds_median),
            [answer.response_seconds for answer in found.answers])  # fmt: skip
    _figure(columns[1], "Tokens per second, median", _rate(found.tokens_per_second_median),
            [answer.tokens_per_second for answer in found.answers])  # fmt: skip
    _figure(columns[2], "Quality, mean", formats.score(found.quality_score_mean),
            [answer.quality_score for answer in found.answers])  # fmt: skip
    _figure(columns[3], "Confidence, mean", formats.score(found.confidence_score_mean),
            [answer.confidence_score for answer in found.answers])  # fmt: skip
    columns[4].metric(
        "Failed or timed out", f"{failed} of {ended}" if ended else formats.NA, delta="of its newest delegations",
        delta_color="off", delta_arrow="off", border=True, height="stretch",
    )  # fmt: skip


def _figure(place: st.delta_generator.DeltaGenerator, label: str, value: str, values: list[float | None]) -> None:
    """A summary, the number of cases behind it, and their course from the oldest to the newest."""
    known = [value for value in values if value is not None][::-1]
    enough = len(known) >= FEW_ANSWERS
    place.metric(
        label, value, delta=f"n {len(known)}" if enough else f"n {len(known)}, too few to tell", delta_color="off",
        delta_arrow="off", border=True, chart_data=known if enough else None,
    )  # fmt: skip


def answer_chart(answers: tuple[Answer, ...]) -> go.Figure | None:
    """Each answer's length against the time it took: whether it was long, or slow. None where too few are known."""
    known: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.output_tokens is not None and answer.response_seconds is not None:
            known.setdefault(clean(answer.model_name), []).append(answer)
    if sum(map(len, known.values())) < FEW_ANSWERS:
        return None
    models = sorted(known)
    # Plotly reads tags in names; escaped, a name is only a name.
    traces = [
        go.Scatter(
            x=[answer.output_tokens for answer in known[model]], y=[answer.response_seconds for answer in known[model]],
            name=escape(model), mode="markers", marker={"color": series_colour(model, models), "size": 9},
            hovertemplate="%{x} tokens in %{y:.1f} s",
        )
        for model in models
    ]  # fmt: skip
    figure = go.Figure(traces)
    figure.update_layout(
        height=260, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=True, uirevision="answers",
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        xaxis={"title": "tokens written", "rangemode": "tozero"}, yaxis={"title": "seconds", "rangemode": "tozero"},
    )  # fmt: skip
    return figure


def _rate(value: float | None) -> str:
    return formats.NA if value is None else f"{value:.1f}"


def _table(answers: tuple[Answer, ...]) -> None:
    """The answers, as a table that can be sorted and taken away."""
    frame = pd.DataFrame(
        {
            "When": [answer.created_at.astimezone(zone()) for answer in answers],
            "Model": [clean(answer.model_name) for answer in answers],
            "Response (s)": pd.array([answer.response_seconds for answer in answers], dtype="Float64"),
            "Tokens out": pd.array([answer.output_tokens for answer in answers], dtype="Int64"),
            "Tokens/s": pd.array([answer.tokens_per_second for answer in answers], dtype="Float64"),
            "Quality": pd.array([answer.quality_score for answer in answers], dtype="Float64"),
            "Confidence": pd.array([answer.confidence_score for answer in answers], dtype="Float64"),
            "Delegation": [f"/delegations?delegation={answer.delegation_id}" for answer in answers],
        }
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame, hide_index=True, placeholder=formats.NA, key="answers",
        column_config={
            "When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Response (s)": number(format="%.1f"), "Tokens/s": number(format="%.1f"),
            "Quality": number(format="%.2f"), "Confidence": number(format="%.2f"),
            "Delegation": st.column_config.LinkColumn(display_text="open"),
        },
    )  # fmt: skip
