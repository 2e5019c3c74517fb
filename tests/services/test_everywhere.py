"""What one process changes, another obeys at its next decision: it reads what holds in its own transaction."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from helios_core.database.server import ServerUrls
from helios_core.models import Collector, GPUResource
from helios_core.services import placement
from helios_core.services.agents import edited_configuration, save_configuration
from helios_core.services.constraints import create_constraint, edit_constraint
from helios_core.services.leases import take_lease
from helios_core.services.rules import create_rule, delete_rule, edit_rule
from helios_core.services.workspace import Workspace
from tests.services.fleets import agent, cards

Ask = Callable[[str], dict[str, Any]]


@pytest.fixture
def ask(urls: ServerUrls, workspace: Workspace) -> Iterator[Ask]:
    """Two cards of 12 GiB, two agents, and another process that places whom it is asked to."""
    workspace.act(lambda s: (cards(s, 12_288, 12_288), agent(s, "writer", 4_000), agent(s, "critic", 4_000)))
    command = [sys.executable, "-m", "tests.services.decider_process", urls.application.get_secret_value()]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    asked, answers = other.stdin, other.stdout

    def answer(agent_id: str) -> dict[str, Any]:
        asked.write(f"{agent_id}\n")
        asked.flush()
        found: dict[str, Any] = json.loads(answers.readline())
        return found

    yield answer
    asked.close()
    assert other.wait(20) == 0
    answers.close()


def test_rules_hold_in_another_process_from_its_next_decision_on(workspace: Workspace, ask: Ask) -> None:
    assert ask("writer")["outcome"] == "placed"
    values = {"name": "few", "strategy": "pack", "max_agents_per_gpu": 1}
    rule = workspace.act(lambda s: create_rule(s, values))
    beside = ask("critic")
    assert beside["cards"] != ask("writer")["cards"], "one agent a card"
    workspace.act(lambda s: agent(s, "third", 100))
    assert "rule 'few' allows no more" in ask("third")["refusal"]
    rule = workspace.act(lambda s: edit_rule(s, rule.id, {"max_agents_per_gpu": 2}, rule.updated_at))
    assert ask("third")["outcome"] == "placed"
    workspace.act(lambda s: placement.release(s, "third"))
    rule = workspace.act(lambda s: edit_rule(s, rule.id, {"max_agents_per_gpu": 1}, rule.updated_at))
    assert ask("third")["outcome"] == "refused"
    workspace.act(lambda s: delete_rule(s, rule.id, rule.updated_at))
    assert ask("third")["outcome"] == "placed"


def test_constraints_cards_hosts_and_promises_count_in_another_process_at_once(workspace: Workspace, ask: Ask) -> None:
    assert ask("writer")["outcome"] == "placed"
    values = {"model_provider": "ollama", "model_name": "model-of-critic", "min_memory_mb": 5_000}
    constraint = workspace.act(lambda s: create_constraint(s, values))
    assert "needs at least 4.9 GiB" in ask("critic")["refusal"]
    split = {"min_memory_mb": None, "allows_split": True}
    workspace.act(lambda s: edit_constraint(s, constraint.id, split, constraint.updated_at))
    workspace.act(lambda s: save(s, "critic", allocated_memory_mb=14_000))
    assert ask("critic")["cards"] == [0, 1]
    workspace.act(lambda s: s.execute(update(GPUResource).where(GPUResource.id == 0).values(health="lost")))
    assert "its health is lost" in ask("critic")["refusal"]
    workspace.act(lambda s: s.execute(update(GPUResource).values(health="ok")))
    workspace.act(lambda s: (placement.release(s, "critic"), take_lease(s, "experiment", 9_000, "desk:1", 60)))
    assert ask("critic")["outcome"] == "refused", "the lease holds what it would need"
    asking = {"placement": {"host_cpu_cores": 4}}
    workspace.act(lambda s: save(s, "critic", allocated_memory_mb=100, constraints=asking))
    host = Collector(host="desk", pid=1, interval_seconds=1.0, is_simulated=True, host_cpu_cores=2)
    workspace.act(lambda s: s.add(host))
    assert "has 2 cores free; the agent needs 4" in ask("critic")["refusal"]
    workspace.act(lambda s: s.execute(update(Collector).values(host_cpu_cores=8)))
    assert ask("critic")["outcome"] == "placed"


def save(session: Any, agent_id: str, **changes: object) -> None:  # noqa: ANN401 - handed on
    """Save as the form does."""
    save_configuration(session, agent_id, changes, edited_configuration(session, agent_id).version)
