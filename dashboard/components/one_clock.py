"""One clock: phases, swimlanes and cards on one axis, with one scrubber.

The axis counts seconds from the first recorded time. Where a conversation came without times it counts messages, and
says so: message 7 lies between 6 and 7.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import streamlit as st

from dashboard import formats
from dashboard.components.face import PERSON, Face
from dashboard.components.packaged import component
from dashboard.components.tasks import Drawing, legend, task, task_tip
from dashboard.render import short
from helios_core.views.conversation_gpus import HELD_HERE
from helios_core.views.conversation_lists import PHASES
from helios_core.views.conversations import Clock, Conversation, PhaseSpan
from helios_core.views.transcripts import MessageMark


def one_clock(
    conversation: Conversation, faces: dict[str, Face], gpus: Sequence[Drawing], on_moment: Callable[[], None]
) -> None:
    """Draw the clock; `chosen_moment` tells where its scrubber stands, and `on_moment` runs when it moves."""
    data = drawing(conversation, faces, gpus)
    component("one_clock")(key=_key(conversation.id), data=data, on_moment_change=on_moment)


def chosen_moment(conversation_id: int) -> float | None:
    """Where the scrubber stands, in seconds or messages; None is the whole conversation."""
    state = st.session_state.get(_key(conversation_id))
    moment = getattr(state, "moment", None)
    return float(moment) if moment is not None else None


def moment_words(conversation: Conversation, moment: float) -> str:
    """The moment as the clock writes it: "1:27", or "message 7"."""
    return f"message {moment:.0f}" if conversation.clock is None else elapsed(moment)


def elapsed(seconds: float) -> str:
    """Seconds since the start as 1:27 or 1:05:09."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def spoken_until(conversation: Conversation, moment: float | None) -> int:
    """How many messages had been spoken at `moment`."""
    marks = conversation.marks
    if moment is None:
        return len(marks)
    if conversation.clock is None:
        return min(len(marks), round(moment))
    later = (index for index, mark in enumerate(marks) if seconds_at(conversation.clock, mark.occurred_at, 0) > moment)
    return next(later, len(marks))


def drawing(conversation: Conversation, faces: dict[str, Face], gpus: Sequence[Drawing]) -> Drawing:
    """What the component draws."""
    clock = conversation.clock
    tasks = _ordered_tasks(conversation, faces) if clock is None else _timed_tasks(conversation, clock, faces)
    return {
        "is_order": clock is None,
        "length": len(conversation.marks) if clock is None else (clock.ended_at - clock.started_at).total_seconds(),
        "phases": list(_ordered_phases(conversation) if clock is None else _timed_phases(conversation, clock)),
        "lanes": [
            {
                **face,
                "tasks": [part for agent_id, part in tasks if agent_id == lane_id],
                "marks": [_mark(conversation, mark, faces) for mark in conversation.marks if mark.speaker == lane_id],
            }
            for lane_id, face in faces.items()
            if lane_id != PERSON
        ],
        "gpus": list(gpus),
        "legend": legend([part for _, part in tasks]),
        "note": _note(conversation, gpus),
    }


def seconds_at(clock: Clock, at: datetime | None, unknown: float) -> float:
    """A time in seconds since the clock's start; `unknown` for one that nobody recorded."""
    return unknown if at is None else (at - clock.started_at).total_seconds()


def _key(conversation_id: int) -> str:
    return f"one_clock_{conversation_id}"


def _note(conversation: Conversation, gpus: Sequence[Drawing]) -> str:
    if conversation.clock is None:
        return "Order only, no times recorded: the axis counts messages."
    if conversation.source not in HELD_HERE:
        return "Not held on these cards, so there are no GPU readings beside it."
    return "" if gpus else "No GPU readings of this time."


def _mark(conversation: Conversation, mark: MessageMark, faces: dict[str, Face]) -> Drawing:
    addressee = faces[mark.addressee]["name"] if mark.addressee in faces else None
    to = f" → {addressee}" if addressee else ""
    tip = f"{mark.kind}{to}\n{formats.plural(mark.characters, 'character')}"
    if conversation.clock is None:
        return {"at": mark.position + 0.5, "kind": mark.kind, "tip": f"message {mark.position + 1}: {tip}"}
    at = seconds_at(conversation.clock, mark.occurred_at, -1)
    return {"at": at, "kind": mark.kind, "tip": f"{elapsed(at)} {tip}" if at >= 0 else tip}


# With times


def _timed_phases(conversation: Conversation, clock: Clock) -> Iterator[Drawing]:
    length = seconds_at(clock, clock.ended_at, 0)
    for phase in conversation.phases:
        if phase.started_at is not None:
            start, end = seconds_at(clock, phase.started_at, 0), seconds_at(clock, phase.ended_at, length)
            yield _phase(phase, start, end, formats.duration(end - start))


def _timed_tasks(conversation: Conversation, clock: Clock, faces: dict[str, Face]) -> list[tuple[str, Drawing]]:
    return [
        (
            delegation.target_agent_id,
            task(delegation, lambda at: seconds_at(clock, at, 0)) | {"asked_by": faces[delegation.pm_agent_id]["id"]},
        )
        for delegation in conversation.delegations
        if delegation.segments
    ]


# With nothing but their order


def _ordered_phases(conversation: Conversation) -> Iterator[Drawing]:
    spans = {phase.phase: phase for phase in conversation.phases}
    for phase, run in groupby(conversation.marks, key=lambda mark: mark.phase):
        positions = [mark.position for mark in run]
        if phase is not None:
            span = spans.get(phase) or PhaseSpan(0, phase, None, None, None)
            yield _phase(span, positions[0], positions[-1] + 1, formats.plural(len(positions), "message"))


def _ordered_tasks(conversation: Conversation, faces: dict[str, Face]) -> list[tuple[str, Drawing]]:
    """Each delegation from its directive to its last message."""
    positions: dict[int, list[int]] = {}
    for mark in conversation.marks:
        if mark.delegation_id is not None:
            positions.setdefault(mark.delegation_id, []).append(mark.position)
    return [
        (
            delegation.target_agent_id,
            {
                "asked_by": faces[delegation.pm_agent_id]["id"],
                "asked_at": positions[delegation.id][0] + 0.5,
                "start": positions[delegation.id][0] + 0.5,
                "end": positions[delegation.id][-1] + 1,
                "segments": [],
                "has_failed": delegation.status in {"failed", "timeout"},
                "is_open": delegation.is_under_way,
                "is_order": True,
                "tip": task_tip(delegation),
            },
        )
        for delegation in conversation.delegations
        if delegation.id in positions
    ]


def _phase(phase: PhaseSpan, start: float, end: float, length: str) -> dict[str, Any]:
    label = short(phase.label, 60) if phase.label else phase.phase
    tip = f"{label} ({phase.phase})" if phase.label else label
    return {
        "label": label,
        "start": start,
        "end": end,
        "duration": length,
        "depth": PHASES.index(phase.phase),
        "tip": f"{tip}\n{length}",
    }
