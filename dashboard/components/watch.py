"""A conversation while the team is at it: its phase, who is thinking, their words as they come, and steering it."""

from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.one_clock import elapsed
from dashboard.components.opening import linked, target
from dashboard.components.packaged import component
from dashboard.live import act, shared
from dashboard.render import clean, short
from dashboard.theme import Sign, sign
from dashboard.workspace import allows
from helios_core.services.permissions import Action
from helios_core.services.runs import cancel_conversation, pause_conversation, resume_conversation
from helios_core.views.conversation_lists import PHASES
from helios_core.views.runs import Progress, Task, Writing, progress

TAIL_CHARACTERS = 4000
"""So much of a long draft is sent with each refresh: its end, where it grows."""
STATES = {
    "waiting": Sign("○", "waits for a worker", "unknown"),
    "running": Sign("◐", "at work", "accent"),
    "paused": Sign("■", "paused", "warning"),
}


def watch(conversation_id: int) -> None:
    """Show where the conversation stands, and let it be paused and cancelled; draw the whole page when it has ended."""
    found = shared(progress, conversation_id)
    if found.state == "ended":
        if found.outcome is not None:
            st.rerun()
        return
    component("watch")(key="watch", data=_data(found))
    linked("watch_tasks", "tasks", [_task(task) for task in found.tasks])
    if allows(Action.WORK_IN_CONVERSATIONS):
        _steer(found)


def _data(found: Progress) -> dict[str, Any]:
    return {
        "phases": [{"key": name, "state": _place(name, found.phase)} for name in PHASES],
        "sign": STATES[found.state].data,
        "facts": _facts(found),
        "rehearsal": "rehearsal: these answers are made up on this machine" if found.is_rehearsal else "",
        "writing": [_writing(one, found) for one in found.writing],
        "quiet": _quiet(found),
    }


def _place(phase: str, now: str) -> str:
    order = list(PHASES)
    return "now" if phase == now else "done" if order.index(phase) < order.index(now) else "ahead"


def _facts(found: Progress) -> str:
    began = found.started_at
    tokens = [count for count in (found.input_tokens, found.output_tokens) if count is not None]
    return " · ".join(
        [
            elapsed((found.now - began).total_seconds()) if began else "time n/a",
            f"{formats.count(sum(tokens) if tokens else None)} tokens",
            formats.plural(found.messages, "message"),
            short(found.worker, 80) if found.worker else "no worker has it",
        ]
    )


def _quiet(found: Progress) -> str:
    """What to say where nobody writes at this moment."""
    if found.writing:
        return ""
    if found.state == "waiting":
        return "A worker takes it up as soon as one is free; `helios work` starts another."
    return "Nothing new begins until it is resumed." if found.state == "paused" else "Nobody is writing at this moment."


def _writing(one: Writing, found: Progress) -> dict[str, Any]:
    return {
        "key": f"{one.agent_id} {one.delegation_id}",
        "face": face(one.agent_id, one.name),
        "what": f"{elapsed((found.now - one.started_at).total_seconds())} · {len(one.text):,} characters so far",
        "words": clean(one.text[-TAIL_CHARACTERS:]),
    }


def _task(task: Task) -> dict[str, Any]:
    shown = face(task.agent_id, task.name)
    return {
        "key": task.delegation_id,
        "face": shown,
        "text": short(task.description, 160),
        "note": _note(task),
        "sign": sign(task.status).data,
        "target": target("delegations", delegation=task.delegation_id),
    }


def _note(task: Task) -> str:
    card = (
        ""
        if task.gpu_id is None
        else f"waits for GPU {task.gpu_id}"
        if task.is_waiting_for_card
        else f"GPU {task.gpu_id}"
    )
    attempt = f"attempt {task.attempt}" if task.attempt > 1 else ""
    return " · ".join(filter(None, (card, attempt, short(task.error_message, 120) if task.error_message else "")))


def _steer(found: Progress) -> None:
    """Buttons that take hold within a second."""
    with st.container(horizontal=True, gap="small", key="steer"):
        if found.state == "paused":
            if st.button("Resume", icon=":material/play_arrow:", key="resume"):
                act(resume_conversation, found.conversation_id)
                st.rerun(scope="fragment")
        elif st.button("Pause", icon=":material/pause:", key="pause", help="Nothing new begins; answers under way end"):
            act(pause_conversation, found.conversation_id)
            st.rerun(scope="fragment")
        with st.popover("Cancel", icon=":material/stop_circle:", width="content", key="cancelling"):
            st.markdown("This ends the conversation now, with what has been said so far.")
            if st.button("Cancel it", type="primary", key="cancel"):
                act(cancel_conversation, found.conversation_id)
                st.rerun()
