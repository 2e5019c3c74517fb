"""Conclusions, one a row; those that want a reader say why."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dashboard import formats
from dashboard.components.conversation_list import SOURCES
from dashboard.components.opening import linked, target
from dashboard.render import date_and_time, short
from helios_core.views.conclusions import ConclusionRow


def conclusion_list(key: str, rows: Sequence[ConclusionRow]) -> None:
    """Show `rows`; one opens the conclusion."""
    linked("conclusion_list", "conclusions", [_row(row) for row in rows], key=key)


def _row(row: ConclusionRow) -> dict[str, object]:
    rating = "nobody rated it" if row.satisfaction_rating is None else f"rated {row.satisfaction_rating:.1f} / 5"
    votes = "votes n/a" if row.effective_votes is None else f"{row.effective_votes:.1f} effective votes"
    return {
        "key": row.conversation_id,
        "title": short(row.title, 160),
        "when": formats.age(row.concluded_at, datetime.now(UTC)),
        "date": date_and_time(row.concluded_at),
        "source": SOURCES[row.source],
        "why": row.wants_reader or "",
        "agreement": f"agreement {formats.score(row.agreement)}",
        "votes": votes,
        "rating": rating,
        "target": target("synthesis", conversation=row.conversation_id),
    }
