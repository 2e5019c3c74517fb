"""Constraints of models: what they may hold, and that editors do not overwrite each other."""

from functools import partial

import pytest
from sqlalchemy import select

from helios_core.database.session import Principal
from helios_core.errors import DuplicateEntry, EditConflict, InvalidInput, NotAllowed
from helios_core.models import AuditEvent, ResourceConstraint
from helios_core.services import constraints
from helios_core.services.constraints import SavedConstraint
from helios_core.services.workspace import Workspace

NEEDS = {"model_provider": "ollama", "model_name": "llama3.1:70b", "min_memory_mb": 40_000}


def create(workspace: Workspace, **values: object) -> SavedConstraint:
    return workspace.act(partial(constraints.create_constraint, values={**NEEDS, **values}))


def edit(workspace: Workspace, seen: SavedConstraint, **changes: object) -> SavedConstraint:
    return workspace.act(
        partial(
            constraints.edit_constraint,
            constraint_id=seen.id,
            changes=changes,
            expected_updated_at=seen.updated_at,
        )
    )


def test_a_constraint_is_added_edited_and_deleted_and_each_leaves_an_event(workspace: Workspace) -> None:
    added = create(workspace, requirements='{"gpu_type": "H100"}')
    edited = edit(workspace, added, min_compute_capability="8.6", is_exclusive=True)
    assert edited.fields.requirements == {"gpu_type": "H100"}
    workspace.act(lambda session: constraints.delete_constraint(session, added.id, edited.updated_at))
    events = workspace.read(lambda session: session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all())
    assert [event.action for event in events] == ["added", "changed", "removed"]
    assert events[1].before == {"model_name": "llama3.1:70b", "min_compute_capability": None, "is_exclusive": False}
    assert workspace.read(lambda session: session.scalars(select(ResourceConstraint)).all()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_provider", "mistralai"),
        ("model_name", " "),
        ("min_memory_mb", -1),
        ("recommended_memory_mb", 39_999),
        ("min_compute_capability", "eight"),
        ("max_agents_per_gpu", 0),
        ("max_context_tokens", 0),
        ("is_exclusive", "yes"),
        ("requirements", "["),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence_beside_its_field(
    workspace: Workspace, field: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create(workspace, **{field: value})
    assert list(refusal.value.fields) == [field]
    assert refusal.value.fields[field].endswith(".")


def test_a_model_has_one_constraint_which_operators_edit_in_turn(workspace: Workspace, member: Principal) -> None:
    seen = create(workspace)
    with pytest.raises(DuplicateEntry, match="model provider model name"):
        create(workspace)
    edit(workspace, seen, max_agents_per_gpu=2)
    with pytest.raises(EditConflict, match="olga saved the constraint"):
        edit(workspace, seen, max_agents_per_gpu=3)
    with pytest.raises(NotAllowed, match="constraints of models"):
        create(workspace.on_behalf_of(member), model_name="mine")
