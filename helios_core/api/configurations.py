"""Configurations of agents: read, edited, rolled back, version by version."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Reader, Writer
from helios_core.api.etags import IfMatch
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import AgentId, JsonBody, Like, Reason, Resource, Version
from helios_core.services import agents as services
from helios_core.services.configurations import ConfigurationFields
from helios_core.views import configurations as views

router = APIRouter(prefix="/agents/{agent_id}", tags=["agents"])

ConfigurationValues = Annotated[
    dict[str, Any],
    Like(ConfigurationFields),
    Field(
        examples=[
            {
                "model_provider": "ollama",
                "assigned_llm": "qwen2.5:14b",
                "system_prompt": "You are a careful engineer.",
                "gpu_assignment": 1,
                "allocated_memory_mb": 9000,
                "context_tokens": 8192,
                "temperature": 0.2,
                "timeout_seconds": 120,
                "max_retries": 2,
                "priority": 5,
                "constraints": {},
                "is_enabled": True,
            }
        ]
    ),
]


class FieldChange(Resource):
    """One field in two versions."""

    field: str = Field(examples=["context_tokens"])
    title: str = Field(examples=["Context (tokens)"])
    before: Any = Field(examples=[4096])
    after: Any = Field(examples=[8192])


class SavedConfiguration(Resource):
    """What a save made: the version that holds now, and what is new in it. No changes: nothing was saved."""

    agent_id: str = Field(examples=["technical_expert"])
    version: int = Field(examples=[4])
    changes: list[FieldChange]


class Configuration(Resource):
    """What holds for the user of the key. Memory is in MiB, times in seconds."""

    agent_id: str = Field(examples=["technical_expert"])
    version: int = Field(description="It grows with each save.", examples=[3])
    is_own: bool = Field(description="Whether it is the user's own, beside the default of all.")
    saved_by: str = Field(examples=["olga"])
    saved_at: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    values: ConfigurationValues


class ConfigurationVersion(Resource):
    """A configuration as one save left it, and what that save changed."""

    version: int = Field(examples=[3])
    is_live: bool = Field(description="Whether it is the one that holds.")
    saved_by: str = Field(examples=["olga"])
    saved_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    reason: str | None = Field(examples=["answers were cut off"])
    changes: list[FieldChange] = Field(description="Against the version before; the first has none.")
    values: ConfigurationValues


@router.get("/configuration", response_model=Configuration, responses=etags.SHOWN)
def configuration(workspace: Reader, response: Response, agent_id: AgentId) -> object:
    """What holds for the user of the key: their own configuration, else the default."""
    form = workspace.read(lambda session: views.configuration_form(session, agent_id))
    response.headers["ETag"] = _tag(form)
    return form


@router.patch("/configuration", response_model=SavedConfiguration, responses=etags.CHECKED)
def edit_configuration(
    *,
    workspace: Writer,
    response: Response,
    agent_id: AgentId,
    changes: Annotated[
        JsonBody, Like(ConfigurationFields, is_partial=True), Field(examples=[{"context_tokens": 8192, "priority": 7}])
    ],
    if_match: IfMatch = None,
    reason: Reason = None,
) -> object:
    """Save these fields as the next version: an operator the default of all users, a user their own beside it."""

    def save(session: Session) -> tuple[services.SavedConfiguration, str]:
        seen = _seen(session, agent_id, if_match)
        saved = services.save_configuration(session, agent_id, changes, seen.version, reason)
        return saved, _tag(views.configuration_form(session, agent_id))

    saved, response.headers["ETag"] = workspace.act(save)
    return saved


@router.delete("/configuration", status_code=204, responses=etags.CHECKED)
def return_to_default(workspace: Writer, agent_id: AgentId, if_match: IfMatch = None, reason: Reason = None) -> None:
    """Remove the user's own configuration, so that the default holds again."""

    def remove(session: Session) -> None:
        seen = _seen(session, agent_id, if_match)
        services.return_to_default(session, agent_id, seen.version, reason)

    workspace.act(remove)


@router.get("/versions", response_model=Listing[ConfigurationVersion])
def list_versions(workspace: Reader, agent_id: AgentId) -> object:
    """The newest 100 versions of what holds for the user, the newest first."""
    return all_of(workspace.read(lambda session: views.versions(session, agent_id)))


@router.post("/versions/{version}/roll-back", response_model=SavedConfiguration, responses=etags.CHECKED)
def roll_back(
    workspace: Writer, response: Response, agent_id: AgentId, version: Version, if_match: IfMatch = None
) -> object:
    """Save what a version held as a new one; what was saved in between stays in the list."""

    def save(session: Session) -> tuple[services.SavedConfiguration, str]:
        seen = _seen(session, agent_id, if_match)
        saved = services.roll_back(session, agent_id, version, seen.version)
        return saved, _tag(views.configuration_form(session, agent_id))

    saved, response.headers["ETag"] = workspace.act(save)
    return saved


def _seen(session: Session, agent_id: str, if_match: str | None) -> views.ConfigurationForm:
    """What holds, where it is what the editor saw."""
    form = views.configuration_form(session, agent_id)
    etags.require_match(if_match, _tag(form))
    return form


def _tag(form: views.ConfigurationForm) -> str:
    return etags.of_version(form.version, is_own=form.is_own)
