from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from helios_core.database.session import Database, Principal
from helios_core.errors import NotFound
from helios_core.models import TaskDelegation, TaskDelegationStatus
from helios_core.services.workspace import Workspace
from helios_core.views import delegations
from helios_core.views.delegations import DelegationFilter
from tests.views import scenes


def test_the_board_counts_by_status_and_shows_the_newest_first(workspace: Workspace) -> None:
    workspace.act(scenes.timed_conversation)
    board = workspace.read(lambda session: delegations.board(session, DelegationFilter()))
    assert board.counts == {
        "pending": 0, "in_progress": 0, "completed": 2, "failed": 1, "cancelled": 0, "timeout": 0
    }  # fmt: skip
    assert [row.id for row in board.delegations] == sorted((row.id for row in board.delegations), reverse=True)
    assert board.agents == (("data_analyst", "Data Analyst"), ("technical_expert", "Technical Expert"))
    assert board.delegations[0].conversation_title == "Spot instances?"


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (DelegationFilter(status="failed"), 1),
        (DelegationFilter(agent_id="data_analyst"), 2),
        (DelegationFilter(agent_id="data_analyst", status="completed"), 1),
        (DelegationFilter(conversation_id=999), 0),
    ],
)
def test_the_list_can_be_narrowed(workspace: Workspace, which: DelegationFilter, found: int) -> None:
    workspace.act(scenes.timed_conversation)
    assert len(workspace.read(lambda session: delegations.list_delegations(session, which)).rows) == found


def test_older_delegations_follow_page_by_page_without_gaps_or_doubles(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        for number in range(7):
            scenes.delegation(session, None, f"agent_{number}")
        session.commit()
    seen: list[int] = []
    after = None
    while True:
        page = workspace.read(partial(delegations.list_delegations, which=DelegationFilter(), after=after, limit=3))
        seen += [row.id for row in page.rows]
        after = page.older
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 7


def test_the_board_shows_some_of_each_status_and_all_that_is_under_way(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        lonely = scenes.delegation(session, None, "unlucky", status=TaskDelegationStatus.FAILED).id
        waiting = [
            scenes.delegation(session, None, "patient", status=TaskDelegationStatus.PENDING).id for _ in range(4)
        ]
        done = [scenes.delegation(session, None, "busy").id for _ in range(5)]
        session.commit()
    board = workspace.read(lambda session: delegations.board(session, DelegationFilter(), per_status=2))
    assert {row.id for row in board.delegations} == {lonely, *waiting, *done[-2:]}
    assert board.counts["completed"] == 5


def started(workspace: Workspace, ago: timedelta, **values: object) -> delegations.Delegation:
    """A delegation in progress since `ago`."""
    with workspace.database.session(workspace.principal) as session:
        since: datetime = session.execute(select(func.now())).scalar_one() - ago
        row = scenes.delegation(
            session, None, "data_analyst", status=TaskDelegationStatus.IN_PROGRESS, started_at=since, updated_at=since,
            **values,
        )  # fmt: skip
        session.commit()
        row_id = row.id
    return workspace.read(lambda session: delegations.delegation(session, row_id)).delegation


def test_a_delegation_past_its_timeout_is_stuck(workspace: Workspace) -> None:
    stuck = started(workspace, timedelta(minutes=6), timeout_seconds=120).stuck
    assert stuck == "In progress for 6 min; its timeout is 120 s."
    assert started(workspace, timedelta(minutes=1), timeout_seconds=120).stuck is None


def test_a_delegation_without_a_timeout_is_stuck_when_it_is_silent_for_long(workspace: Workspace) -> None:
    assert started(workspace, timedelta(minutes=11)).stuck == "No sign of progress for 11 min."
    assert started(workspace, timedelta(minutes=9)).stuck is None


def test_time_goes_on_while_a_delegation_is_under_way(workspace: Workspace) -> None:
    running = started(workspace, timedelta(seconds=30), timeout_seconds=120)
    assert running.duration_seconds is not None
    assert 30 <= running.duration_seconds < 120
    assert [part.kind for part in running.segments] == ["unknown"]


def test_a_task_that_never_started_spent_its_time_waiting(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        row = scenes.delegation(
            session, None, "data_analyst", status=TaskDelegationStatus.CANCELLED, delegated_at=scenes.at(0),
            completed_at=scenes.at(9),
        )  # fmt: skip
        session.commit()
        row_id = row.id
    assert workspace.read(lambda session: delegations.delegation(session, row_id)).seconds == {"queue": 9}


def test_each_attempt_shows_the_whole_chain_of_retries(workspace: Workspace) -> None:
    workspace.act(scenes.timed_conversation)
    with workspace.database.session(workspace.principal) as session:
        ids = session.scalars(
            select(TaskDelegation.id)
            .where(TaskDelegation.target_agent_id == "data_analyst")
            .order_by(TaskDelegation.attempt)
        ).all()
    for attempt_id in ids:
        detail = workspace.read(partial(delegations.delegation, delegation_id=attempt_id))
        assert [attempt.id for attempt in detail.attempts] == list(ids)
        assert detail.delegation.id == attempt_id
    assert [attempt.status for attempt in detail.attempts] == ["failed", "completed"]


def test_a_delegation_shows_where_its_time_went_and_what_came_back(workspace: Workspace) -> None:
    workspace.act(scenes.timed_conversation)
    which = DelegationFilter(agent_id="technical_expert")
    rows = workspace.read(lambda session: delegations.list_delegations(session, which)).rows
    detail = workspace.read(lambda session: delegations.delegation(session, rows[0].id))
    assert detail.seconds == {"queue": 5, "load": 10, "prefill": 5, "decode": 20, "unknown": 5}
    assert detail.directive == "@[Technical Expert] Assess the cost"
    assert detail.requirements == ("cost_analysis",)
    assert [response.quality_score for response in detail.responses] == [0.8]


def test_a_delegation_without_times_claims_none(workspace: Workspace) -> None:
    with workspace.database.session(workspace.principal) as session:
        row = scenes.delegation(session, scenes.conversation(session), "WebSurfer")
        session.commit()
        row_id = row.id
    detail = workspace.read(lambda session: delegations.delegation(session, row_id))
    assert detail.delegation.duration_seconds is None
    assert detail.delegation.segments == ()
    assert detail.seconds == {}
    assert detail.delegation.target_name == "WebSurfer"


def test_a_member_finds_no_delegation_of_another(
    database: Database, member: Principal, other_member: Principal
) -> None:
    Workspace(database, member).act(scenes.timed_conversation)
    other = Workspace(database, other_member)
    with pytest.raises(NotFound, match="There is no delegation 1"):
        other.read(lambda session: delegations.delegation(session, 1))
    assert other.read(lambda session: delegations.board(session, DelegationFilter())).delegations == ()
