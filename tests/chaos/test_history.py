"""The judge of histories is worth something: it names each fault that somebody puts in."""

import os
import signal

import pytest
from sqlalchemy import Connection

from helios_core.services.workers import LEASE_SECONDS
from tests.chaos.history import Kind, history
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team
from tests.waiting import eventually

IN_THE_ROWS: dict[str, tuple[str, Kind]] = {
    "a conversation is gone": ("DELETE FROM multi_agent_conversations", "lost"),
    "an answer is gone": ("DELETE FROM agent_responses WHERE id = (SELECT min(id) FROM agent_responses)", "missing"),
    "a synthesis is gone": ("DELETE FROM task_synthesis", "missing"),
    "nothing was announced": ("DELETE FROM blackboard_events", "missing"),
    "nobody remembers": ("DELETE FROM consensus_memory_nodes", "missing"),
    "a message is gone": ("DELETE FROM conversation_messages WHERE kind = 'plan'", "missing"),
    "the answer is said twice": (
        ("INSERT INTO conversation_messages (user_id, conversation_id, speaker, kind, content, position) "
        "SELECT user_id, conversation_id, speaker, kind, content, 99 FROM conversation_messages "
        "WHERE kind = 'synthesis'"),
        "doubled",
    ),
    "a check is made twice": (
        ("INSERT INTO validation_checkpoints (user_id, checkpoint_type, status, details) "
        "SELECT user_id, checkpoint_type, status, details FROM validation_checkpoints LIMIT 1"),
        "doubled",
    ),
    "a phase is left out": ("DELETE FROM conversation_phases WHERE phase = 'synthesis'", "disordered"),
    "somebody seems to work": (
        "UPDATE agent_profiles SET status = 'working' WHERE user_id IS NOT NULL", "left over",
    ),
    "a run goes on": ("UPDATE conversation_runs SET ended_at = NULL", "left over"),
    "a stranger wrote": (
        "SET LOCAL application_name = 'worker 0'; UPDATE conversation_messages SET content = content", "stale",
    ),
    "a card was given too often": (
        "INSERT INTO witnessed_slots (gpu_id, delegation_id, is_held) SELECT 0, n, true FROM generate_series(1, 3) n",
        "crowded",
    ),
}  # fmt: skip
"""What somebody may do to the rows of one conversation that went well, and what the judge calls it."""

IN_A_WORKER: dict[str, tuple[int, Kind]] = {
    "answers twice": (3, "doubled"),
    "loses answers": (3, "ended"),
    "crowds cards": (8, "crowded"),
}
"""What may be broken in a worker, with how many experts it shows, and what the judge calls it."""


def judged(team: Team, connection: Connection, experts: int = 3) -> set[Kind]:
    return {fault.kind for fault in history(connection, team.models.calls).faults(team.started, experts)}


def test_each_fault_in_the_rows_is_named(team: Team) -> None:
    team.start_conversation()
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(30)
    assert team.history.faults(team.started, experts=3) == []
    named = {}
    for what, (statements, _) in IN_THE_ROWS.items():
        with team.owner.connect() as connection:
            connection.exec_driver_sql(statements)
            named[what] = judged(team, connection)
    assert {what: kind for what, (_, kind) in IN_THE_ROWS.items() if kind not in named[what]} == {}


def test_a_model_that_is_asked_for_what_is_done_is_named(team: Team, models: ModelServer) -> None:
    team.start_conversation()
    team.worker(lease=LEASE_SECONDS)
    assert team.all_ended(30)
    (again,) = [call for call in models.calls if call.purpose == "answer"][:1]
    models.calls.append(type(again)(again.at + 3600, again.purpose, again.question, again.task, again.said))
    assert [fault.kind for fault in team.history.faults(team.started, experts=3)] == ["asked again"]


@pytest.mark.parametrize("fault", IN_A_WORKER)
def test_each_fault_of_a_worker_is_named(team: Team, models: ModelServer, fault: str) -> None:
    models.experts, kind = IN_A_WORKER[fault]
    models.seconds, models.slow = 0.3, "answer"
    team.start_conversation()
    team.worker(lease=LEASE_SECONDS, faults=[fault])
    assert team.all_ended(30)
    with team.owner.connect() as connection:
        assert kind in judged(team, connection, models.experts)


def wake_up_too_late(team: Team, models: ModelServer, faults: list[str]) -> set[Kind]:
    """A worker is stopped past its lease, and wakes up broken while another is at its conversation."""
    models.seconds, models.slow = 1.0, "answer"
    team.start_conversation()
    sleeper = team.worker(faults=faults)
    assert eventually(lambda: any(call.purpose == "answer" for call in models.calls), 20)
    os.kill(sleeper, signal.SIGSTOP)
    holder = "SELECT 1 FROM conversation_runs r JOIN workers w ON w.id = r.worker_id WHERE w.pid = "
    successor = team.worker()
    assert eventually(lambda: team.ask(f"{holder}{successor}"), 20)
    os.kill(sleeper, signal.SIGCONT)
    assert team.all_ended(30)
    return {found.kind for found in team.history.faults(team.started, experts=3)}


def test_a_stale_write_is_refused_by_the_fence_alone(team: Team, models: ModelServer) -> None:
    assert not wake_up_too_late(team, models, ["deaf"]) & {"stale", "doubled", "missing"}


def test_a_stale_write_that_no_fence_refuses_is_named(team: Team, models: ModelServer) -> None:
    assert "stale" in wake_up_too_late(team, models, ["deaf", "no fence"])
