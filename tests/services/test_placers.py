"""Many placers at once, in processes of their own: no card is ever promised twice, however they come and die."""

import subprocess
import sys
import time
from collections import Counter

import pytest
from sqlalchemy import text

from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.services.agents import save_configuration
from helios_core.services.constraints import create_constraint
from helios_core.services.workspace import Workspace
from tests.services.fleets import agent, cards

CARD_MIB = 12_288
OVERSUBSCRIBED = text("""
SELECT gpu.id, sum(allocation.allocated_memory_mb) FROM gpu_resources gpu
JOIN gpu_allocations allocation ON allocation.gpu_id = gpu.id AND allocation.released_at IS NULL
GROUP BY gpu.id, gpu.total_memory_mb HAVING sum(allocation.allocated_memory_mb) > gpu.total_memory_mb
""")
DISAGREEING = text("""
SELECT configuration.agent_id FROM agent_configurations configuration
WHERE ARRAY (SELECT gpu_id FROM gpu_allocations WHERE default_configuration_id = configuration.id
             AND released_at IS NULL ORDER BY 1)
    <> ARRAY (SELECT card FROM unnest(configuration.further_gpu_ids || configuration.gpu_assignment) AS card
              WHERE card IS NOT NULL ORDER BY 1)
""")


def race(urls: ServerUrls, workspace: Workspace, placers: int, rounds: int, *words: str) -> Counter[str]:
    """Let so many placers loose on two cards that hold six agents of twenty, or one that takes half of each card.

    What became of their attempts.
    """
    workspace.act(lambda s: cards(s, CARD_MIB, CARD_MIB))
    for number in range(20):
        workspace.act(lambda s, n=number: agent(s, f"agent_{n}", 4_000))  # type: ignore[misc]
    constraint = {"model_provider": "ollama", "model_name": "model-of-agent_0", "allows_split": True}
    wide = {"allocated_memory_mb": 14_000}
    workspace.act(lambda s: (create_constraint(s, constraint), save_configuration(s, "agent_0", wide, 1)))
    command = [sys.executable, "-m", "tests.services.placer_process", urls.application.get_secret_value()]
    running = subprocess.Popen([*command, str(placers), str(rounds), *words], stdout=subprocess.PIPE, text=True)
    watching = connect(urls.owner)
    while running.poll() is None:
        with watching.connect() as connection:
            assert connection.execute(OVERSUBSCRIBED).all() == []
        time.sleep(0.05)
    with watching.connect() as connection:
        assert connection.execute(OVERSUBSCRIBED).all() == []
        assert connection.execute(DISAGREEING).all() == [], "configurations and promises say the same"
    watching.dispose()
    assert running.returncode == 0
    return Counter(running.communicate()[0].split())


def test_sixteen_placers_at_once_never_promise_a_card_twice(urls: ServerUrls, workspace: Workspace) -> None:
    outcomes = race(urls, workspace, 16, 8)
    assert outcomes.total() == 16 * 8
    assert outcomes["placed"] >= 6
    assert outcomes["refused"] > 0, "there were more agents than room"


@pytest.mark.slow
def test_placers_that_die_in_the_middle_leave_nothing_half_done(urls: ServerUrls, workspace: Workspace) -> None:
    outcomes = race(urls, workspace, 16, 60, "crash")
    assert outcomes["placed"] > 0
    assert outcomes.total() < 16 * 60, "some died"
