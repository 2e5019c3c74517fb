"""Workers that stop, hang or die while others are there, and a database that goes away."""

import os
import signal
import time
from dataclasses import replace

import pytest

from helios_core.runtime.worker import BURIED
from helios_core.services import delegations, runs
from helios_core.services.workers import LEASE_SECONDS
from helios_core.views.runs import Progress, progress
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team
from tests.waiting import eventually

ANSWER_SECONDS = 0.5
SOON_SECONDS = 1.0


def seen(team: Team, conversation_id: int) -> Progress:
    return team.mine.read(lambda session: progress(session, conversation_id))


def experts_are_at_work(team: Team) -> bool:
    return eventually(lambda: team.ask("SELECT 1 FROM task_delegations WHERE status = 'in_progress'"), 20)


def stop_past_the_lease(team: Team) -> None:
    """A worker is stopped in the middle of answers, another ends its conversation, and the first wakes up."""
    team.start_conversation()
    sleeper = team.worker()
    assert experts_are_at_work(team)
    os.kill(sleeper, signal.SIGSTOP)
    successor = team.worker()
    assert team.all_ended(30)
    os.kill(sleeper, signal.SIGCONT)
    assert team.wait(sleeper) == BURIED
    assert team.kill(successor, signal.SIGTERM) == 0


@pytest.mark.timeout(7200)
def test_a_worker_that_wakes_up_too_late_writes_nothing(team: Team, models: ModelServer, times: int | None) -> None:
    models.seconds = 0.6
    for _ in range(times or 1):
        stop_past_the_lease(team)
    # It may still ask a model before it looks into the database; what it hears is written nowhere.
    written = replace(team.history, calls=())
    assert written.faults(team.started, experts=3) == []


def test_the_other_worker_takes_over_from_one_that_was_killed(team: Team, models: ModelServer) -> None:
    models.seconds = ANSWER_SECONDS
    team.start_conversation()
    victim = team.worker(lease=LEASE_SECONDS)
    assert experts_are_at_work(team)
    team.worker(lease=LEASE_SECONDS)
    time.sleep(1)
    team.kill(victim)
    killed_at = time.monotonic()
    asked = len(models.calls)
    assert eventually(lambda: len(models.calls) > asked, 30)
    assert time.monotonic() - killed_at < 15
    assert team.all_ended(30)
    assert team.history.faults(team.started, experts=3) == []


def test_nobody_seems_to_work_for_a_worker_that_is_gone(team: Team, models: ModelServer) -> None:
    models.seconds, models.slow = 30, "answer"
    team.start_conversation()
    victim = team.worker()
    assert experts_are_at_work(team)
    working = "SELECT 1 FROM agent_profiles WHERE status = 'working'"
    assert team.ask(working)
    team.kill(victim)
    # It finds the dead one, hands its run to whoever wants it, and dies before it takes it itself.
    assert team.wait(team.worker(step="take", when="before", nth=1)) == -signal.SIGKILL
    assert not team.ask(working)
    assert not team.ask("SELECT 1 FROM card_leases")


def test_the_engine_keeps_nothing_of_what_is_over(team: Team, models: ModelServer) -> None:
    models.seconds, models.slow = 0.5, "answer"
    for _ in range(3):
        team.start_conversation()
    victim = team.worker()
    assert experts_are_at_work(team)
    team.kill(victim)
    workflows = "SELECT 1 FROM helios_dbos.workflow_status"
    assert team.ask(workflows)
    team.worker()
    assert team.all_ended(60)
    assert eventually(lambda: not team.ask(workflows), 20)
    left = [team.ask(f"SELECT 1 FROM helios_dbos.{table}") for table in ("operation_outputs", "workflow_input")]
    assert left == [[], []]


def test_cancelling_is_seen_within_a_second(team: Team, models: ModelServer) -> None:
    models.seconds = 60
    conversation = team.start_conversation()
    team.worker(lease=LEASE_SECONDS)
    assert eventually(lambda: models.calls, 20)
    asked_at = time.time()
    team.mine.act(lambda session: runs.cancel_conversation(session, conversation))
    assert seen(team, conversation).outcome == "cancelled"
    assert eventually(lambda: models.dropped, 5)
    assert models.dropped[0][0] - asked_at < SOON_SECONDS


def test_one_task_can_be_cancelled_and_given_to_somebody_else(team: Team, models: ModelServer) -> None:
    conversation = team.start_conversation()
    models.seconds = 1
    team.worker(lease=LEASE_SECONDS)
    assert eventually(lambda: len(seen(team, conversation).tasks) == 3, 20)
    assert experts_are_at_work(team)
    first, second, third = (task.delegation_id for task in seen(team, conversation).tasks)
    team.mine.act(lambda session: delegations.cancel_delegation(session, first))
    other = team.mine.act(lambda session: delegations.reassign_delegation(session, second, "wellbeing_coach"))
    assert team.all_ended(60)
    tasks = {task.delegation_id: task for task in seen(team, conversation).tasks}
    assert {id_: task.status for id_, task in tasks.items()} == {
        first: "cancelled", second: "cancelled", third: "completed", other: "completed",
    }  # fmt: skip
    assert tasks[other].agent_id == "wellbeing_coach"
    assert seen(team, conversation).outcome == "completed"


def test_a_paused_conversation_begins_nothing_new(team: Team, models: ModelServer) -> None:
    models.seconds = 0.5
    conversation = team.start_conversation()
    team.mine.act(lambda session: runs.pause_conversation(session, conversation))
    team.worker(lease=LEASE_SECONDS)
    assert eventually(lambda: seen(team, conversation).phase == "planning", 20)
    time.sleep(1)
    assert models.calls == []
    team.mine.act(lambda session: runs.resume_conversation(session, conversation))
    resumed_at = time.time()
    assert eventually(lambda: models.calls, 5)
    assert models.calls[0].at - resumed_at < SOON_SECONDS
    assert team.all_ended(30)


def test_cards_work_for_no_more_experts_than_they_have_slots(team: Team, models: ModelServer) -> None:
    models.seconds, models.experts = 0.2, 8
    for _ in range(8):
        team.start_conversation()
    held = []
    for _ in range(2):
        team.worker(lease=LEASE_SECONDS)
    most = "SELECT gpu_id, count(*) FROM card_leases WHERE granted_at IS NOT NULL GROUP BY gpu_id"
    while team.ask("SELECT 1 FROM conversation_runs WHERE ended_at IS NULL"):
        held += [count for _, count in team.ask(most)]
    assert max(held) == 2
    assert team.history.faults(team.started, experts=8) == []
