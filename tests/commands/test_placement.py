"""`helios place`, as an operator types it."""

import json
from pathlib import Path

import pytest

from helios_core.services import placement
from helios_core.services.workspace import Workspace
from tests.services.fleets import agent, cards
from tests.test_cli import Connected, connected, is_one_sentence

__all__ = ["connected"]

DRAFT = """
without_gpus = [1]

[[agents]]
agent = "writer"
gpu = "anywhere"

[[newcomers]]
model = "large-model"
memory_mib = 7000
"""


@pytest.fixture(autouse=True)
def two_cards(workspace: Workspace) -> None:
    """A writer on the second of two cards of 12 GiB."""
    workspace.act(lambda s: (cards(s, 12_288, 12_288), agent(s, "writer", 6_000), placement.place(s, "writer", (1,))))
    workspace.database.engine.dispose()


def test_a_draft_shows_moves_loads_and_reasons_and_is_applied_and_undone(connected: Connected, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    draft.write_text(DRAFT, "utf-8")
    tried = connected(f"place --what-if {draft}")
    assert tried.returncode == 5, "12 GiB do not hold both"
    assert "refused" in tried.stdout
    move = tmp_path / "move.json"
    move.write_text(json.dumps({"agents": [{"agent": "writer", "gpu": 0}]}), "utf-8")
    shown = json.loads(connected.printed(f"place --what-if {move} --json"))
    assert [(m["agent_id"], m["from_gpu_ids"], m["to_gpu_ids"]) for m in shown["moves"]] == [("writer", [1], [0])]
    applied = connected.printed(f"place --what-if {move} --apply --reason demo")
    assert applied.splitlines() == ["Writer moves to GPU 0.", "Undo it with `helios place --undo 1`."]
    assert connected.printed("place --undo 1") == "Writer moves to GPU 1.\n"
    assert "Writer" in connected.printed("place")


def test_capacity_questions_and_placements_are_answered_in_words(connected: Connected) -> None:
    counted = connected.printed("place --how-many own-model --memory 3000")
    assert counted.splitlines()[:2] == ["6 more agents fit with own-model: 4 on GPU 0, 2 on GPU 1.", "The next one:"]
    assert connected.printed("place writer --gpu 0").startswith("Writer moves to GPU 0.\nGPU 0: it was asked for;")


def test_a_draft_that_cannot_be_is_refused_in_a_sentence(connected: Connected, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    draft.write_text("agents = [", "utf-8")
    done = connected(f"place --what-if {draft}")
    assert done.returncode == 5
    assert "is not TOML" in done.stderr
    assert is_one_sentence(done.stderr)
