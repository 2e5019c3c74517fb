"""Drafts as people write them."""

from pathlib import Path

import pytest

from helios_core.errors import InvalidInput, NotFound
from helios_core.services.drafting import draft_of, read_draft
from helios_core.services.whatif import NewCard, Newcomer
from helios_core.services.workspace import Workspace
from tests.services.fleets import agent

WHOLE = """
without_gpus = [1]

[[agents]]
agent = "writer"
gpu = "none"

[[newcomers]]
model = "llama3.1:8b"
context_tokens = 8192
count = 2
gpu = 0
wishes = { anti_affinity = "judges" }

[[new_cards]]
name = "L40S"
memory_mib = 46068
compute_capability = "8.9"
"""


def test_a_file_says_agents_newcomers_and_cards(workspace: Workspace, tmp_path: Path) -> None:
    workspace.act(lambda s: agent(s, "writer"))
    (tmp_path / "draft.toml").write_text(WHOLE, "utf-8")
    draft = workspace.read(lambda s: draft_of(s, read_draft(tmp_path / "draft.toml")))
    assert list(draft.targets.values()) == [None]
    assert draft.newcomers == (
        Newcomer("llama3.1:8b", context_tokens=8192, count=2, target=0, wishes={"anti_affinity": "judges"}),
    )
    assert draft.without_gpus == {1}
    assert draft.new_cards == (NewCard("L40S", 46_068, "8.9"),)


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("agents = [", InvalidInput, "is not TOML"),
        ("colour = 'red'", InvalidInput, "A draft has no colour."),
        ("[[agents]]\nagent = 'writer'\ngpu = -1", InvalidInput, "agents.0.gpu"),
        ("[[agents]]\nagent = 'nobody'\ngpu = 0", NotFound, "There is no agent nobody"),
        ("[[agents]]\nagent = 'writer'\nuser = 'nobody'\ngpu = 0", NotFound, "There is no user nobody."),
        ("", InvalidInput, "The draft says nothing"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    workspace: Workspace, tmp_path: Path, text: str, error: type[Exception], sentence: str
) -> None:
    (tmp_path / "draft.toml").write_text(text, "utf-8")
    with pytest.raises(error, match=sentence):
        workspace.read(lambda s: draft_of(s, read_draft(tmp_path / "draft.toml")))


def test_a_file_that_is_not_there_or_no_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        read_draft(tmp_path / "draft.toml")
    (tmp_path / "draft.json").write_text("[1]", "utf-8")
    with pytest.raises(InvalidInput, match="holds no draft"):
        read_draft(tmp_path / "draft.json")
