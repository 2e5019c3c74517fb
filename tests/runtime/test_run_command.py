"""`helios run`: a conversation led from a terminal."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from helios_core.services.workers import LEASE_SECONDS
from tests.chaos.model_server import ModelServer
from tests.chaos.team import Team
from tests.waiting import eventually


def ask_in_terminal(team: Team, folder: Path, *options: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "HELIOS_DATABASE_URL": team.urls.application.get_secret_value()}
    command = [sys.executable, "-m", "helios_core", "run", "Question 7? We need to know.", "--data", str(folder)]
    return subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_terminal_shows_phases_and_answers_and_ends_with_the_record(team: Team, tmp_path: Path) -> None:
    team.worker(lease=LEASE_SECONDS)
    done = ask_in_terminal(team, tmp_path, "--json", "--agent", "technical_expert")
    record, progress = done.communicate(timeout=60)
    assert done.returncode == 0, progress
    shown = [line for line in progress.splitlines() if line.startswith("-- ") or "Project Manager (synthesis" in line]
    assert [line.split(",")[0] for line in shown[-4:]] == [
        "-- synthesis",
        "Project Manager (synthesis",
        "-- review",
        "-- completion",
    ]
    assert {"-- planning", "-- processing"} <= set(shown)
    assert "Technical Expert to Project Manager (response, 5 tokens):\n   ## Answer" in progress
    found = json.loads(record)
    assert [delegation["target_agent_id"] for delegation in found["delegations"]] == ["technical_expert"]
    assert found["outcome"] == "completed"


def test_ctrl_c_cancels_the_conversation(team: Team, models: ModelServer, tmp_path: Path) -> None:
    models.seconds = 60
    team.worker(lease=LEASE_SECONDS)
    asked = ask_in_terminal(team, tmp_path)
    assert eventually(lambda: models.calls, 30)
    asked.send_signal(signal.SIGINT)
    said, _ = asked.communicate(timeout=20)
    assert asked.returncode == 130
    assert "was cancelled" in said
    assert team.ask("SELECT outcome FROM multi_agent_conversations") == [("cancelled",)]
    assert eventually(lambda: models.dropped, 5)
