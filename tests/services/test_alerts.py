"""Acknowledging alerts: by whom, of what, and who reads it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.session import Principal
from helios_core.errors import InvalidInput, NotFound
from helios_core.models import GPUEvent, GPUResource
from helios_core.services.alerts import acknowledge_alert, withdraw_acknowledgement
from helios_core.services.workspace import Workspace
from helios_core.views.alerts import Acknowledgement, find_alert, list_alerts

WEEK_AGO = datetime.now(UTC) - timedelta(days=7)


@pytest.fixture
def hot(workspace: Workspace) -> str:
    """An alert of a card."""

    def report(session: Session) -> str:
        card = GPUResource(uuid="GPU-1", name="Card", host="desk", total_memory_mb=12288)
        session.add(card)
        session.flush()
        event = GPUEvent(gpu_id=card.id, severity="warning", message="88 °C", occurred_at=datetime.now(UTC))
        session.add(event)
        session.flush()
        return f"card-{event.id}"

    return workspace.act(report)


def acknowledged(workspace: Workspace, key: str) -> tuple[Acknowledgement, ...]:
    [alert] = workspace.read(lambda session: list_alerts(session, WEEK_AGO))
    assert alert == workspace.read(lambda session: find_alert(session, key))
    return alert.acknowledgements


def test_who_has_seen_it_and_what_they_noted_is_kept(workspace: Workspace, hot: str) -> None:
    assert acknowledged(workspace, hot) == ()
    workspace.act(lambda session: acknowledge_alert(session, hot, " fan was blocked "))
    [seen] = acknowledged(workspace, hot)
    assert (seen.note, seen.is_own) == ("fan was blocked", True)
    workspace.act(lambda session: acknowledge_alert(session, hot, "fan is clean"))
    assert [one.note for one in acknowledged(workspace, hot)] == ["fan is clean"]
    workspace.act(lambda session: withdraw_acknowledgement(session, hot))
    assert acknowledged(workspace, hot) == ()
    actions = text("SELECT action FROM audit_events WHERE subject = 'alert_acknowledgements' ORDER BY id")
    audited = workspace.read(lambda session: session.scalars(actions).all())
    assert audited == ["acknowledged", "changed", "withdrawn"]


def test_operators_read_everybodys_and_others_their_own(workspace: Workspace, member: Principal, hot: str) -> None:
    mine = workspace.on_behalf_of(member)
    mine.act(lambda session: acknowledge_alert(session, hot))
    workspace.act(lambda session: acknowledge_alert(session, hot))
    assert [one.is_own for one in acknowledged(mine, hot)] == [True]
    assert sorted(one.is_own for one in acknowledged(workspace, hot)) == [False, True]


@pytest.mark.parametrize("key", ["card-0", "trouble-7", "delegation-1", "card", "card-1x", "../card-1"])
def test_what_is_no_alert_is_not_acknowledged(workspace: Workspace, key: str) -> None:
    with pytest.raises(NotFound):
        workspace.act(lambda session: acknowledge_alert(session, key))


def test_a_note_is_short(workspace: Workspace, hot: str) -> None:
    with pytest.raises(InvalidInput):
        workspace.act(lambda session: acknowledge_alert(session, hot, "x" * 501))
    with pytest.raises(NotFound):
        workspace.act(lambda session: withdraw_acknowledgement(session, hot))
