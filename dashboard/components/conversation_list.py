"""Conversations, one a row."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.opening import linked, target
from dashboard.render import date_and_time, short
from dashboard.theme import sign
from helios_core.views.conversation_lists import ConversationRow

SOURCES = {"live": "asked here", "rehearsal": "rehearsal", "import": "imported", "sample": "sample"}
"""What each source is called."""
FACES = 6


def conversation_list(rows: Sequence[ConversationRow]) -> None:
    """Show `rows`; one opens the conversation."""
    linked("conversation_list", "conversations", [_row(row) for row in rows])


def _row(row: ConversationRow) -> dict[str, object]:
    state = sign(row.state)
    return {
        "key": row.id,
        "title": short(row.title, 160),
        "when": _when(row),
        "date": date_and_time(row.started_at or row.created_at),
        "source": SOURCES[row.source],
        "faces": [face(agent.agent_id, agent.name) for agent in row.participants[:FACES]]
        + ([_others(len(row.participants) - FACES)] if len(row.participants) > FACES else []),
        "sign": state.data | {"word": row.current_phase} if row.outcome is None else state.data,
        "tasks": f"{row.completed_delegations} of {row.total_delegations} done"
        if row.total_delegations
        else "no tasks",
        "tokens": f"{formats.count(row.tokens)} tokens",
        "time": formats.duration(row.duration_seconds),
        "target": target("conversations", conversation=row.id),
    }


def _when(row: ConversationRow) -> str:
    """How long ago it began; of an imported one, how long ago it came, and when it was held."""
    now = datetime.now(UTC)
    if row.source != "import":
        return formats.age(row.started_at or row.created_at, now)
    held = f"held {date_and_time(row.started_at)}" if row.started_at else "no times recorded"
    return f"added {formats.age(row.created_at, now)} · {held}"


def _others(number: int) -> dict[str, str]:
    return {"id": "", "name": f"{number} more", "initials": f"+{number}", "colour": "#6E7B8B"}
