"""One conversation: its figures, one clock, what was said, who asked whom, and what came of it."""

from collections.abc import Callable

import streamlit as st

from dashboard import formats
from dashboard.chrome import open_page
from dashboard.components import answers
from dashboard.components.card import section
from dashboard.components.conversation_figures import conversation_figures
from dashboard.components.conversation_list import SOURCES
from dashboard.components.delegation_graph import delegation_graph
from dashboard.components.face import PERSON, Face, face
from dashboard.components.gpu_lanes import gpu_lanes
from dashboard.components.one_clock import one_clock
from dashboard.components.stances import stances
from dashboard.components.transcript import transcript
from dashboard.components.watch import watch
from dashboard.live import act, guarded, refresh_seconds, shared
from dashboard.render import date_and_time, plain
from dashboard.theme import sign
from dashboard.workspace import workspace
from helios_core.services.conversations import remove_conversation
from helios_core.services.exports import export_file
from helios_core.services.providers import is_rehearsing
from helios_core.views.conversation_gpus import conversation_gpus
from helios_core.views.conversations import Conversation, conversation
from helios_core.views.participants import named

RESPONSES = 6
"""So many responses show at first; the transcript holds them all."""


def conversation_detail(conversation_id: int) -> None:
    """Everything about a conversation; it keeps up with one that is under way."""
    found = shared(conversation, conversation_id)
    rhythm = refresh_seconds() if found.is_under_way else None

    def follow(part: Callable[[Conversation, dict[str, Face]], None]) -> None:
        """Draw a part of the page as a fragment of its own, under its own name."""

        def draw() -> None:
            present = shared(conversation, conversation_id)
            part(present, faces_of(present))

        st.fragment(guarded(draw), run_every=rhythm, key=part.__name__)()

    follow(_path)
    _header(found)
    if found.is_under_way:
        st.fragment(guarded(watch), run_every=rhythm)(conversation_id)
    follow(conversation_figures)
    follow(_clock)
    left, right = st.columns([1.7, 1], gap="small")
    with left:
        follow(transcript)
    with right:
        follow(_relations)
    follow(_outcome)


def faces_of(conversation: Conversation) -> dict[str, Face]:
    """The faces of all who took part, spoke, asked or were asked, the participants first."""
    names = {agent.agent_id: agent.name for agent in conversation.participants}
    for task in conversation.delegations:
        names.setdefault(task.pm_agent_id, task.pm_name)
        names.setdefault(task.target_agent_id, task.target_name)
    for mark in conversation.marks:
        names.setdefault(mark.speaker, named(mark.speaker))
        if mark.addressee is not None:
            names.setdefault(mark.addressee, named(mark.addressee))
    people = {PERSON: names.pop(PERSON)} if PERSON in names else {}
    return {agent_id: face(agent_id, name) for agent_id, name in (names | people).items()}


def _path(found: Conversation, _faces: dict[str, Face]) -> None:
    """Where the viewer is, and what the conversation is."""
    state = sign(found.outcome or "under_way")
    began = date_and_time(found.started_at) if found.started_at else "no time recorded"
    st.markdown(f"[Conversations](conversations) / {began} · {_source(found)} · {state.markdown}")


def _source(found: Conversation) -> str:
    """Where it comes from. What no worker has taken up yet will be a rehearsal where there is one."""
    if found.is_under_way and found.source == "live" and shared(is_rehearsing):
        return SOURCES["rehearsal"]
    return SOURCES[found.source] + (f" from {plain(found.source_name, 80)}" if found.source == "import" else "")


def _header(found: Conversation) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(found.title), anchor=False, width="stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            _actions(found)
    if found.outcome_reason:
        st.markdown(plain(found.outcome_reason, 300))
    if found.question and found.question.strip() != found.title.strip():
        st.markdown(f":gray[{plain(found.question, 600)}]")


def _actions(found: Conversation) -> None:
    if not found.is_under_way and not any(task.is_under_way for task in found.delegations):
        _export(found)
    with st.popover("Remove", icon=":material/delete:", width="content"):
        st.markdown("This removes the conversation with all that was said in it, for good.")
        if st.button("Remove it", type="primary", key="remove"):
            act(remove_conversation, found.id)
            open_page("conversations")


def _export(found: Conversation) -> None:
    """A file that `helios import` reads, made when it is asked for."""
    st.download_button(
        "Export", lambda: workspace().read(lambda session: export_file(session, found.id)),
        file_name=f"conversation-{found.id}.json", mime="application/json", icon=":material/download:",
        on_click="ignore", width="content",
    )  # fmt: skip


def _clock(found: Conversation, faces: dict[str, Face]) -> None:
    gpus = gpu_lanes(shared(conversation_gpus, found.id), found.clock)
    one_clock(found, faces, gpus, on_moment=lambda: st.rerun(transcript.__name__))


def _relations(found: Conversation, faces: dict[str, Face]) -> None:
    delegation_graph(found, faces)
    stances(found, faces)


def _outcome(found: Conversation, faces: dict[str, Face]) -> None:
    section("Answer", formats.plural(len(found.syntheses), "synthesis", "syntheses") if found.syntheses else "")
    if found.syntheses:
        answers.syntheses(found.syntheses, faces)
        if st.button("Who contributed what, and how good it is", icon=":material/balance:"):
            open_page("synthesis", conversation=found.id)
    else:
        st.caption("Not yet." if found.is_under_way else "Nobody summed the responses up.")
    section("Responses", f"{len(found.responses)}" if found.responses else "")
    shows_all = st.session_state.get("all_responses") == found.id
    if found.responses:
        answers.responses(found.responses if shows_all else found.responses[:RESPONSES], faces)
    else:
        st.caption("None yet." if found.is_under_way else "No response was recorded.")
    if len(found.responses) > RESPONSES and not shows_all:
        st.button(f"Show all {len(found.responses)}", on_click=_show_all_responses, args=(found.id,))


def _show_all_responses(conversation_id: int) -> None:
    st.session_state["all_responses"] = conversation_id
