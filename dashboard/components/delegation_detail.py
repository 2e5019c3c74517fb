"""One delegation: what was asked, how it went, where the time went, and what came back."""

import json

import streamlit as st

from dashboard import formats
from dashboard.chrome import open_page
from dashboard.components import answers
from dashboard.components.attempts import attempts
from dashboard.components.card import card, section
from dashboard.components.delegation_actions import delegation_actions
from dashboard.components.face import face
from dashboard.components.figures import Figure, figures
from dashboard.components.time_spent import time_spent
from dashboard.live import guarded, refresh_seconds, shared
from dashboard.render import clean, date_and_time, message, plain
from dashboard.theme import sign
from helios_core.views.delegations import DelegationDetail, delegation


def delegation_detail(delegation_id: int) -> None:
    """Everything about a delegation; it keeps up with one that is under way."""
    found = shared(delegation, delegation_id)
    _header(found)
    if found.delegation.conversation_id is not None:
        st.fragment(guarded(delegation_actions), run_every=refresh_seconds())(delegation_id)
    rhythm = refresh_seconds() if found.delegation.is_under_way else None
    st.fragment(guarded(_body), run_every=rhythm)(delegation_id)


def _header(found: DelegationDetail) -> None:
    row = found.delegation
    st.markdown(f"[Delegations](delegations) / {plain(row.pm_name)} → {plain(row.target_name)}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(row.task), anchor=False, width="stretch")
        if row.conversation_id is not None and st.button("Conversation", icon=":material/forum:"):
            open_page("conversations", conversation=row.conversation_id)


def _body(delegation_id: int) -> None:
    found = shared(delegation, delegation_id)
    row = found.delegation
    if row.stuck:
        st.warning(f"Stuck: {plain(row.stuck)}", icon=":material/hourglass_disabled:")
    if row.error_message:
        st.error(plain(row.error_message), icon=":material/error:")
    figures("delegation_figures", _figures(found))
    left, right = st.columns([1.3, 1], gap="small")
    with left:
        _asked(found)
        section("Responses", str(len(found.responses)) if found.responses else "")
        if found.responses:
            faces = {row.target_agent_id: face(row.target_agent_id, row.target_name)}
            answers.responses(found.responses, faces, opens_delegation=False)
        else:
            st.caption("No response yet." if row.is_under_way else "No response was recorded.")
    with right:
        _course(found)
        section("Attempts", str(len(found.attempts)))
        attempts(found.attempts, row.id)
        if found.context:
            with st.expander("Context as JSON"):
                st.code(clean(json.dumps(found.context, ensure_ascii=False, indent=2)), language="json")


def _figures(found: DelegationDetail) -> list[Figure]:
    row = found.delegation
    state = sign("stuck" if row.stuck else row.status)
    quality, confidence = _scores(found)
    progress = "not reported" if row.progress_percent is None else ""
    gpu = formats.NA if row.gpu_id is None else f"GPU {row.gpu_id}"
    return [
        Figure("status", f"{state.icon} {state.word}", _since(found)),
        Figure("progress", formats.percent(row.progress_percent), progress),
        Figure("time", formats.duration(row.duration_seconds), f"timeout {formats.duration(row.timeout_seconds)}"),
        Figure("quality", formats.score(quality), f"confidence {formats.score(confidence)}"),
        Figure("attempt", f"{row.attempt} of {len(found.attempts)}", f"priority {row.priority} of 10"),
        Figure("card", gpu, clean(found.gpu_name) if found.gpu_name else "not recorded"),
    ]


def _scores(found: DelegationDetail) -> tuple[float | None, float | None]:
    """Quality and confidence of the last response."""
    last = found.responses[-1] if found.responses else None
    return (last.quality_score, last.confidence_score) if last else (None, None)


def _since(found: DelegationDetail) -> str:
    row = found.delegation
    if row.completed_at is not None:
        return f"ended {date_and_time(row.completed_at)}"
    began = row.started_at or row.delegated_at
    return f"since {date_and_time(began)}" if began else "no time recorded"


def _asked(found: DelegationDetail) -> None:
    with card("directive", "Directive"):
        message(found.directive or found.delegation.task)
        if found.requirements:
            st.markdown("**:gray[Requirements]**")
            st.markdown("\n".join(f"- {plain(formats.words(text))}" for text in found.requirements))


def _course(found: DelegationDetail) -> None:
    with card("time", "Where the time went"):
        if found.seconds:
            time_spent(found.seconds)
        else:
            st.caption("No times were recorded for this delegation.")
