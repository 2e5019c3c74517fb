"""What the overview shows beside the cards, the team, the needs and the events."""

from sqlalchemy.orm import Session

from helios_core.views.delegations import Delegation, DelegationFilter, now, under_way

SHOWN_DELEGATIONS = 8


def under_way_now(session: Session) -> tuple[Delegation, ...]:
    """The delegations under way: the stuck first, then those that have run longest."""
    found = under_way(session, DelegationFilter(), now(session))
    return tuple(sorted(found, key=lambda row: (row.stuck is None, row.created_at))[:SHOWN_DELEGATIONS])
