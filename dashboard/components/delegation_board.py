"""Delegations in columns by their status."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dashboard import formats
from dashboard.components.face import face
from dashboard.components.opening import linked, target
from dashboard.render import date_and_time, short
from dashboard.theme import sign
from helios_core.views.delegations import STATUSES, Board, Delegation


def delegation_board(board: Board) -> None:
    """Show a column for each status."""
    columns = [_column(board, name, [row for row in board.delegations if row.status == name]) for name in STATUSES]
    linked("delegation_board", "columns", columns)


def status_board(board: Board, status: str, rows: Sequence[Delegation]) -> None:
    """Show `rows`, all of one status, over the whole width."""
    linked("delegation_board", "columns", [_column(board, status, rows)])


def _column(board: Board, status: str, rows: Sequence[Delegation]) -> dict[str, object]:
    rest = board.counts[status] - len(rows)
    return {
        "key": status,
        "sign": sign(status).data,
        "count": formats.count(board.counts[status]) + ("+" if board.is_count_partial else ""),
        "cards": [_card(row) for row in rows],
        "rest": f"{formats.count(rest)} more" if rows and rest > 0 else None,
        "target": target("delegations", status=status),
    }


def timing(row: Delegation) -> str:
    """How long it took, or has taken; where nobody recorded times, only that."""
    if row.duration_seconds is None:
        return "no times"
    return formats.duration(row.duration_seconds)


def _card(row: Delegation) -> dict[str, object]:
    at = row.delegated_at or row.started_at
    attempt = f"attempt {row.attempt}" if row.attempt > 1 else ""
    when = formats.age(at, datetime.now(UTC)) if at else ""
    return {
        "key": row.id,
        "face": face(row.target_agent_id, row.target_name),
        "task": short(row.task, 140),
        "conversation": short(row.conversation_title, 80) if row.conversation_title else "outside of a conversation",
        "facts": " · ".join(filter(None, [short(row.target_name, 40), timing(row), attempt, when])),
        "date": date_and_time(at) if at else "no time recorded",
        "percent": row.progress_percent if row.is_under_way else None,
        "trouble": f"■ {short(row.stuck, 120)}" if row.stuck else None,
        "error": short(row.error_message, 120) if row.error_message else None,
        "tone": sign(row.status).tone,
        "target": target("delegations", delegation=row.id),
    }
