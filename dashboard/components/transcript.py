"""What was said in a conversation, as far as the clock's moment, a window of messages at a time."""

from dataclasses import dataclass

import streamlit as st

from dashboard import formats
from dashboard.components.face import Face
from dashboard.components.one_clock import chosen_moment, elapsed, moment_words, seconds_at, spoken_until
from dashboard.components.packaged import component
from dashboard.live import shared
from dashboard.render import clean, date_and_time
from helios_core.views.conversations import Conversation
from helios_core.views.transcripts import Message, messages

WINDOW = 30


@dataclass(frozen=True, slots=True)
class Window:
    """Which messages are shown, counted from 0, of those that had been spoken."""

    first: int
    end: int
    spoken: int
    total: int


def window(total: int, spoken: int, shown: int, *, is_newest_first: bool) -> Window:
    """The first `shown` of the `spoken` messages, or the last ones where the reader follows what is being said."""
    if is_newest_first:
        return Window(max(0, spoken - shown), spoken, spoken, total)
    return Window(0, min(spoken, shown), spoken, total)


def transcript(conversation: Conversation, faces: dict[str, Face]) -> None:
    """Show the messages up to the chosen moment; the whole conversation is read from its beginning."""
    moment = chosen_moment(conversation.id)
    shown = st.session_state.setdefault(f"transcript_{conversation.id}_shown", WINDOW)
    span = window(
        len(conversation.marks), spoken_until(conversation, moment), shown,
        is_newest_first=moment is not None or conversation.is_under_way,
    )  # fmt: skip
    positions = [mark.position for mark in conversation.marks[span.first : span.end]]
    said = shared(messages, conversation.id, positions[0], positions[-1]) if positions else ()
    component("transcript")(
        key=f"transcript_{conversation.id}",
        data={
            "messages": [_line(conversation, message, faces) for message in said],
            "until": None if moment is None else moment_words(conversation, moment),
            "count": f"{span.end - span.first} of {formats.plural(span.total, 'message')}",
            "earlier": f"Show earlier messages ({span.first} more)" if span.first else None,
            "later": _later(span),
            "can_show_later": span.end < span.spoken,
        },
        on_more_change=lambda: _show_more(conversation.id),
    )


def _later(span: Window) -> str | None:
    if span.end < span.spoken:
        return f"Show later messages ({span.spoken - span.end} more)"
    return f"{span.total - span.spoken} more after this moment" if span.spoken < span.total else None


def _show_more(conversation_id: int) -> None:
    st.session_state[f"transcript_{conversation_id}_shown"] += WINDOW


def _line(conversation: Conversation, message: Message, faces: dict[str, Face]) -> dict[str, object]:
    to = f"→ {faces[message.addressee]['name']} · " if message.addressee in faces else ""
    tokens = f" · {formats.count(message.output_tokens)} tokens" if message.output_tokens else ""
    clock, at = conversation.clock, message.occurred_at
    return {
        "key": message.position,
        "face": faces[message.speaker],
        "kind": message.kind,
        "what": f"{to}{message.kind}{tokens}",
        "time": elapsed(seconds_at(clock, at, 0)) if clock and at else f"#{message.position + 1}",
        "date": date_and_time(at) if at else "no time recorded",
        "words": clean(message.content),
    }
