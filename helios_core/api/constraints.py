"""Constraints: what a model needs of a card."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Reader, Writer
from helios_core.api.etags import IfMatch
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import Id, JsonBody, Like, Reason, Resource
from helios_core.services import constraints as services
from helios_core.services.constraints import ConstraintFields
from helios_core.views import constraints as views

router = APIRouter(prefix="/constraints", tags=["constraints"])

EXAMPLE = {"model_provider": "ollama", "model_name": "qwen2.5:14b", "min_memory_mb": 9000, "max_agents_per_gpu": 2}


class Constraint(Resource):
    """What one model needs of a card; what it does not ask for is null."""

    id: int = Field(examples=[4])
    model_provider: str = Field(examples=["ollama"])
    model_name: str = Field(examples=["qwen2.5:14b"])
    min_memory_mb: int | None = Field(description="MiB.", examples=[9000])
    recommended_memory_mb: int | None = Field(description="MiB.", examples=[10000])
    min_compute_capability: str | None = Field(examples=["8.6"])
    max_agents_per_gpu: int | None = Field(examples=[2])
    max_context_tokens: int | None = Field(examples=[32768])
    is_exclusive: bool = Field(description="Whether it wants its card alone.")
    allows_split: bool = Field(description="Whether it may be split over cards.")
    requirements: dict[str, Any] = Field(examples=[{}])
    created_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    updated_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])


@router.get("", response_model=Listing[Constraint])
def list_constraints(workspace: Reader) -> object:
    """Every constraint, by model."""
    return all_of(workspace.read(views.list_constraints))


@router.post("", status_code=201, response_model=Constraint)
def create_constraint(
    workspace: Writer,
    response: Response,
    values: Annotated[JsonBody, Like(ConstraintFields), Field(examples=[EXAMPLE])],
    reason: Reason = None,
) -> object:
    """Add the constraint of a model; operators may."""

    def save(session: Session) -> views.Constraint:
        return views.find_constraint(session, services.create_constraint(session, values, reason).id)

    constraint = workspace.act(save)
    response.headers["Location"] = f"constraints/{constraint.id}"
    return _shown(response, constraint)


@router.get("/{constraint_id}", response_model=Constraint, responses=etags.SHOWN)
def find_constraint(workspace: Reader, response: Response, constraint_id: Id) -> object:
    """One constraint."""
    return _shown(response, workspace.read(lambda session: views.find_constraint(session, constraint_id)))


@router.patch("/{constraint_id}", response_model=Constraint, responses=etags.SHOWN | etags.CHECKED)
def edit_constraint(
    *,
    workspace: Writer,
    response: Response,
    constraint_id: Id,
    changes: Annotated[JsonBody, Like(ConstraintFields, is_partial=True), Field(examples=[{"max_agents_per_gpu": 3}])],
    if_match: IfMatch = None,
    reason: Reason = None,
) -> object:
    """Change these fields of a constraint; operators may."""

    def save(session: Session) -> views.Constraint:
        seen = _seen(session, constraint_id, if_match)
        services.edit_constraint(session, constraint_id, changes, seen.updated_at, reason)
        return views.find_constraint(session, constraint_id)

    return _shown(response, workspace.act(save))


@router.delete("/{constraint_id}", status_code=204, responses=etags.CHECKED)
def delete_constraint(workspace: Writer, constraint_id: Id, if_match: IfMatch = None, reason: Reason = None) -> None:
    """Delete a constraint; operators may."""

    def remove(session: Session) -> None:
        seen = _seen(session, constraint_id, if_match)
        services.delete_constraint(session, constraint_id, seen.updated_at, reason)

    workspace.act(remove)


def _seen(session: Session, constraint_id: int, if_match: str | None) -> views.Constraint:
    constraint = views.find_constraint(session, constraint_id)
    etags.require_match(if_match, etags.of_time(constraint.updated_at))
    return constraint


def _shown(response: Response, constraint: views.Constraint) -> views.Constraint:
    response.headers["ETag"] = etags.of_time(constraint.updated_at)
    return constraint
