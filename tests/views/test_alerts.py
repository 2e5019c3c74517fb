"""What has needed somebody: the newest first, whoever it concerns."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from helios_core.database.session import Principal
from helios_core.models import GPUEvent, GPUTrouble, TaskDelegation
from helios_core.services.workspace import Workspace
from helios_core.views.alerts import list_alerts
from helios_core.views.needs import needs
from tests.browser import scene

NOW = datetime.now(UTC)
WEEK_AGO = NOW - timedelta(days=7)


def go_wrong(session: Session) -> None:
    """The usual scene with a trouble that lasts, one that is over, an old event, and a delegation that failed."""
    scene.draw(session)
    hour = timedelta(hours=1)
    session.add_all(
        [
            GPUTrouble(gpu_id=0, kind="hot", detail="84 °C for 3 min.", began_at=NOW - hour, seen_at=NOW),
            GPUTrouble(gpu_id=1, kind="lost", detail="It does not answer.", began_at=NOW - 3 * hour,
                       seen_at=NOW - 2 * hour, ended_at=NOW - 2 * hour),
            GPUEvent(gpu_id=1, severity="warning", message="long ago", occurred_at=NOW - timedelta(days=40)),
            GPUEvent(gpu_id=1, severity="ok", message="all is well", occurred_at=NOW),
        ]
    )  # fmt: skip
    of_analyst = (TaskDelegation.target_agent_id == "data_analyst", TaskDelegation.status == "in_progress")
    ended = {"status": "failed", "error_message": "no such zone", "completed_at": func.now()}
    session.execute(update(TaskDelegation).where(*of_analyst).values(ended))
    session.flush()


def test_troubles_warnings_and_failures_are_listed_newest_first(workspace: Workspace, member: Principal) -> None:
    workspace.act(go_wrong)
    found = workspace.read(lambda session: list_alerts(session, WEEK_AGO))
    assert [alert.at for alert in found] == sorted((alert.at for alert in found), reverse=True)
    by_title = {alert.title: alert for alert in found}
    assert by_title["GPU 0 was too hot"].lasts
    lost = by_title["GPU 1 was lost"]
    assert (lost.severity, lost.lasts, lost.selection) == ("critical", False, (("gpu", "1"),))
    assert by_title["The delegation to Data Analyst failed"].detail == "no such zone"
    assert "GPU 2 reported" in by_title
    assert not {"long ago", "all is well"} & {alert.detail for alert in found}
    critical = workspace.read(lambda session: list_alerts(session, WEEK_AGO, "critical"))
    assert {alert.severity for alert in critical} == {"critical"}
    assert len(workspace.read(lambda session: list_alerts(session, WEEK_AGO, limit=2))) == 2
    theirs = workspace.on_behalf_of(member).read(lambda session: list_alerts(session, WEEK_AGO))
    assert {alert.page for alert in theirs} == {"gpus"}


def test_needs_of_a_kind_are_as_many_as_asked_for(workspace: Workspace) -> None:
    workspace.act(scene.draw)
    assert len(workspace.read(lambda session: needs(session, 0))) == 1
    assert len(workspace.read(needs)) == 3
