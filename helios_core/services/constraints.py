"""Constraints: what a model needs of a card, and how many agents may share one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy.orm import Session

from helios_core.models import ModelProvider, ResourceConstraint
from helios_core.services.editing import Fields, JsonObject, opened, remove, store
from helios_core.services.permissions import Action, require

MemoryMib = Annotated[int, Field(ge=0, le=2**31 - 1)]
THING = "constraint"


class ConstraintFields(Fields):
    """The fields of a constraint that an operator sets. Memory is in MiB."""

    thing = "a constraint"

    model_provider: Annotated[
        ModelProvider, Field(strict=False, title="Provider", description="Choose one of the five providers.")
    ]
    model_name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$"),
        Field(title="Model", description="Name the model, in at most 200 characters, as its provider writes it."),
    ]
    min_memory_mb: Annotated[
        MemoryMib | None, Field(title="Least memory (MiB)", description="Memory is whole MiB, or empty.")
    ] = None
    recommended_memory_mb: Annotated[
        MemoryMib | None, Field(title="Recommended memory (MiB)", description="Memory is whole MiB, or empty.")
    ] = None
    min_compute_capability: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}[.][0-9]{1,3}$")] | None,
        Field(title="Least compute capability", description="A compute capability is written like 8.6, or empty."),
    ] = None
    max_agents_per_gpu: Annotated[
        int | None,
        Field(ge=1, le=32_767, title="Agents per GPU", description="Agents per GPU are 1 to 32,767, or empty."),
    ] = None
    max_context_tokens: Annotated[
        int | None,
        Field(
            ge=1,
            le=10_000_000,
            title="Largest context (tokens)",
            description="Context is 1 to 10 million tokens, or empty.",
        ),
    ] = None
    is_exclusive: Annotated[
        bool, Field(title="Exclusive", description="A model wants its card alone, or it does not.")
    ] = False
    allows_split: Annotated[
        bool, Field(title="May be split", description="A model may be split over cards, or it may not.")
    ] = False
    requirements: Annotated[
        JsonObject, Field(title="Further requirements", description="Requirements are a JSON object.")
    ] = Field(default_factory=dict)

    @field_validator("recommended_memory_mb")
    @classmethod
    def _not_below_the_least(cls, recommended: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_memory_mb")
        if recommended is not None and least is not None and recommended < least:
            message = f"Recommend at least the {least} MiB that the model needs."
            raise ValueError(message)
        return recommended


@dataclass(frozen=True, slots=True)
class SavedConstraint:
    """A constraint as it was saved; an edit names `updated_at` as what the editor saw."""

    id: int
    updated_at: datetime
    fields: ConstraintFields


def create_constraint(session: Session, values: Mapping[str, object], reason: str | None = None) -> SavedConstraint:
    """A new constraint. Raises InvalidInput, and DuplicateEntry where the model has one."""
    require(session, Action.EDIT_CONSTRAINTS)
    constraint = ResourceConstraint()
    store(session, constraint, ConstraintFields.validated(values), "added", reason)
    return _saved(constraint)


def edit_constraint(
    session: Session,
    constraint_id: int,
    changes: Mapping[str, object],
    expected_updated_at: datetime,
    reason: str | None = None,
) -> SavedConstraint:
    """Save `changes` to a constraint as the editor saw it. Raises InvalidInput, EditConflict, NotFound, NotAllowed."""
    require(session, Action.EDIT_CONSTRAINTS)
    constraint = opened(session, ResourceConstraint, constraint_id, expected_updated_at, THING)
    store(session, constraint, ConstraintFields.of(constraint).changed(changes), "changed", reason)
    return _saved(constraint)


def delete_constraint(
    session: Session, constraint_id: int, expected_updated_at: datetime, reason: str | None = None
) -> None:
    """Delete a constraint as the editor saw it."""
    require(session, Action.EDIT_CONSTRAINTS)
    remove(session, opened(session, ResourceConstraint, constraint_id, expected_updated_at, THING), reason)


def _saved(constraint: ResourceConstraint) -> SavedConstraint:
    return SavedConstraint(constraint.id, constraint.updated_at, ConstraintFields.of(constraint))
