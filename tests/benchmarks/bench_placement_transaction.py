"""How long a placement takes with its transaction: `python -m tests.benchmarks.bench_placement_transaction [GPUS ...]`.

A real PostgreSQL holds a fleet in hosts of eight cards, with two agents a card on models of the catalogue, among many
users. Each step places one agent anew wherever it costs least: locks, reads, decides, and writes the configuration's
next version, the promise, the audit and the decision with its reasons, and commits.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.server import EmbeddedServer
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import User
from helios_core.services import placement
from helios_core.services.workspace import Workspace

FILL = (
    """
INSERT INTO gpu_resources (uuid, name, host, total_memory_mb, health, current_temperature_celsius, sampled_at)
SELECT 'GPU-' || n, 'L40S', 'host-' || n / 8, CASE n % 3 WHEN 0 THEN 12288 WHEN 1 THEN 24576 ELSE 49152 END, 'ok', 60,
    now() FROM generate_series(0, :gpus - 1) n
""",
    "INSERT INTO users (username, role) SELECT 'user' || n, 'user' FROM generate_series(1, 50) n",
    """
INSERT INTO agent_configurations (user_id, agent_id, assigned_llm, model_provider, context_tokens, priority,
    gpu_assignment, allocated_memory_mb)
SELECT u.id, 'agent_' || n, (ARRAY['llama3.1:8b', 'qwen2.5:7b', 'mistral:7b', 'llama3.2:3b'])[1 + n % 4], 'ollama',
    (ARRAY[4096, 8192, 8192, 16384])[1 + n / 4 % 4], 1 + n % 10, n / 2, NULL
FROM generate_series(0, 2 * :gpus - 1) n JOIN users u ON u.username = 'user' || (1 + n % 50)
WHERE n % 6 <> 1
""",
    """
INSERT INTO agent_configurations (agent_id, assigned_llm, model_provider, context_tokens)
SELECT 'placed_' || n, (ARRAY['llama3.1:8b', 'mistral:7b'])[1 + n % 2], 'ollama', 8192 FROM generate_series(0, 63) n
""",
    """
INSERT INTO gpu_allocations (user_id, gpu_id, agent_id, configuration_id, model_name, allocated_memory_mb)
SELECT user_id, gpu_assignment, agent_id, id, assigned_llm, 4000 FROM agent_configurations
WHERE gpu_assignment IS NOT NULL
""",
    "ANALYZE",
)


def fill(session: Session, gpus: int) -> None:
    """The fleet with its agents."""
    for statement in FILL:
        session.execute(text(statement), {"gpus": gpus} if ":gpus" in statement else {})


def measure(workspace: Workspace, steps: int) -> list[float]:
    """Seconds for each placement with its transaction."""
    chance = random.Random(1)
    taken = []
    for _ in range(steps):
        agent_id = f"placed_{chance.randrange(64)}"
        started = time.perf_counter()
        decided = workspace.act(lambda session: placement.place(session, agent_id))  # noqa: B023 (called at once)
        taken.append(time.perf_counter() - started)
        if decided.outcome == "refused":
            raise SystemExit(decided.sentence)
        workspace.act(lambda session: placement.release(session, agent_id))  # noqa: B023
    return taken


def milliseconds(taken: Sequence[float], part: float) -> float:
    """A quantile in ms."""
    return sorted(taken)[min(int(len(taken) * part), len(taken) - 1)] * 1e3


def main() -> None:
    """Print a line for each size of fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gpus", nargs="*", type=int, default=[3, 100, 1_000])
    parser.add_argument("--steps", type=int, default=60)
    asked = parser.parse_args()
    print(f"{'GPUs':>6} {'allocations':>12} {'first ms':>9} {'p50 ms':>8} {'p95 ms':>8}")
    for gpus in asked.gpus:
        with tempfile.TemporaryDirectory(prefix="helios-bench-") as folder:
            Path(folder).chmod(0o711)
            server = EmbeddedServer(Path(folder))
            urls = server.start()
            try:
                migrating.upgrade(urls.owner, "helios_app")
                owner = connect(urls.owner)
                with Session(owner) as session:
                    fill(session, gpus)
                    session.commit()
                owner.dispose()
                database = Database(connect(urls.application))
                with database.session(SYSTEM) as session:
                    user = User(username="olga", role="admin")
                    session.add(user)
                    session.commit()
                taken = measure(Workspace(database, Principal(user.id, "admin")), asked.steps)
                database.close()
            finally:
                server.stop()
        first, rest = taken[0], taken[1:]
        allocations = 2 * gpus - gpus // 3
        print(
            f"{gpus:>6} {allocations:>12} {first * 1e3:>9.1f} {milliseconds(rest, 0.5):>8.1f} "
            f"{milliseconds(rest, 0.95):>8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
