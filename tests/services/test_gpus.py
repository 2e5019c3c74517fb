"""What an operator decides about a card."""

import pytest
from sqlalchemy import select, update

from helios_core.database.session import SYSTEM, Database
from helios_core.errors import EditConflict, InvalidInput, NotFound
from helios_core.models import AuditEvent, GPUResource
from helios_core.services import agents
from helios_core.services.gpus import edit_card
from helios_core.services.workspace import Workspace

VALUES = {
    "model_provider": "ollama",
    "assigned_llm": "llama3.1:8b",
    "system_prompt": "You test.",
    "context_tokens": 8192,
}


@pytest.fixture
def card(database: Database) -> int:
    """A card of 12,212 MiB."""
    with database.session(SYSTEM) as session:
        card = GPUResource(uuid="GPU-0", name="TITAN", host="here", total_memory_mb=12212)
        session.add(card)
        session.commit()
        return card.id


def test_a_card_that_is_switched_off_takes_nothing_new_and_says_who_did_it(workspace: Workspace, card: int) -> None:
    workspace.act(lambda session: edit_card(session, card, {"is_enabled": False}, {}, "a new fan"))
    event = workspace.read(lambda session: session.scalars(select(AuditEvent)).one())
    assert (event.subject, event.subject_id, event.reason) == ("gpu_resources", str(card), "a new fan")
    assert (event.before, event.after) == (
        {"name": "TITAN", "is_enabled": True},
        {"name": "TITAN", "is_enabled": False},
    )
    with pytest.raises(InvalidInput, match="switched off"):
        workspace.act(lambda session: agents.create_agent(session, "a", "A", {**VALUES, "gpu_assignment": card}))


def test_an_editor_is_told_of_another_and_not_of_the_collector(workspace: Workspace, card: int) -> None:
    workspace.act(lambda session: session.execute(update(GPUResource).values(current_power_watts=99.0)))
    workspace.act(lambda session: edit_card(session, card, {"reserved_memory_mb": 212}, {}))
    with pytest.raises(EditConflict, match=f"changed GPU {card} after you opened it"):
        workspace.act(lambda session: edit_card(session, card, {"max_concurrent_agents": 4}, {}))
    workspace.act(lambda session: edit_card(session, card, {"max_concurrent_agents": 4}, {"reserved_memory_mb": 212}))


def test_what_is_promised_cannot_be_kept_free(workspace: Workspace, card: int) -> None:
    workspace.act(lambda session: agents.create_agent(session, "a", "A", {**VALUES, "gpu_assignment": card}))
    with pytest.raises(InvalidInput) as refusal:
        workspace.act(lambda session: edit_card(session, card, {"reserved_memory_mb": 8000}, {}))
    assert refusal.value.fields["reserved_memory_mb"].startswith("6.1 GiB of GPU 0 are promised")
    with pytest.raises(InvalidInput) as refusal:
        workspace.act(lambda session: edit_card(session, card, {"reserved_memory_mb": -1}, {}))
    assert list(refusal.value.fields) == ["reserved_memory_mb"]
    with pytest.raises(NotFound, match="no GPU 7"):
        workspace.act(lambda session: edit_card(session, 7, {}, {}))
