"""Acknowledging alerts: who has seen one, when, and what they noted.

Everybody acknowledges for themselves what they may see; operators see whose acknowledgements there are.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotAllowed, NotFound
from helios_core.models import AlertAcknowledgement
from helios_core.services.audit import recorded
from helios_core.services.permissions import Action, require
from helios_core.views.alerts import find_alert

NOTE_MAX_CHARACTERS = 500


def acknowledge_alert(session: Session, key: str, note: str | None = None) -> None:
    """Say that one has seen an alert; who did before changes the note. Raises NotFound, InvalidInput and NotAllowed."""
    require(session, Action.ACKNOWLEDGE_ALERTS)
    find_alert(session, key)
    noted = (note or "").strip() or None
    if noted is not None and (len(noted) > NOTE_MAX_CHARACTERS or "\x00" in noted):
        raise InvalidInput({"note": f"A note has at most {NOTE_MAX_CHARACTERS} characters."})
    row = _own(session, key)
    action = "acknowledged" if row is None else "changed"
    row = row or AlertAcknowledgement(user_id=_me(session), alert=key)
    with refusals(session), recorded(session, action, row, noted):
        row.note = noted


def withdraw_acknowledgement(session: Session, key: str) -> None:
    """Take one's own back. Raises NotFound and NotAllowed."""
    require(session, Action.ACKNOWLEDGE_ALERTS)
    row = _own(session, key)
    if row is None:
        message = f"You have not acknowledged the alert {key}."
        raise NotFound(message)
    with recorded(session, "withdrawn", row):
        session.delete(row)


def _own(session: Session, key: str) -> AlertAcknowledgement | None:
    mine = AlertAcknowledgement.user_id == _me(session)
    return session.scalars(select(AlertAcknowledgement).where(mine, AlertAcknowledgement.alert == key)).one_or_none()


def _me(session: Session) -> int:
    user_id = principal_of(session).user_id
    if user_id is None:
        raise NotAllowed("An acknowledgement is somebody's; give it as a user.")
    return user_id
