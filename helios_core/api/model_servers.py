"""Model servers: where agents' models are asked. A key goes in and never comes out."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy.orm import Session

from helios_core.api import etags
from helios_core.api.access import Admin, Reader
from helios_core.api.etags import IfMatch
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import Id, JsonBody, Like, Reason, Resource
from helios_core.errors import InvalidInput
from helios_core.services import providers as services
from helios_core.services.providers import EndpointFields
from helios_core.views import providers as views

router = APIRouter(prefix="/model-servers", tags=["model servers"])

EXAMPLE = {"provider": "openai", "name": "vLLM upstairs", "address": "http://10.0.0.7:8000/v1", "is_enabled": False}


class FieldsWithKey(EndpointFields):
    """The fields of a model server, and its key where that is kept in the database."""

    key: Annotated[str | None, Field(description="Sealed, and never shown again.")] = None


class ModelServer(Resource):
    """A model server that an operator allows; where its key is, and never what it is."""

    id: int = Field(examples=[3])
    provider: str = Field(description="Whose API it speaks.", examples=["openai"])
    name: str = Field(examples=["vLLM upstairs"])
    address: str = Field(examples=["http://10.0.0.7:8000/v1"])
    is_enabled: bool = Field(description="Whether it is asked; one of a provider at a time.")
    is_rehearsal: bool = Field(description="Whether its answers are made up by Helios.")
    allows_link_local: bool = Field(description="Whether link-local addresses are let through.")
    key_source: str = Field(description="none, environment, file or database.", examples=["file"])
    key_reference: str | None = Field(description="The variable's or the file's name.", examples=["vllm"])
    key_ends_with: str | None = Field(description="The end of a long sealed key.", examples=[None])
    key_given_at: datetime | None = Field(description="When a sealed key was given.", examples=[None])
    updated_at: datetime = Field(examples=["2026-11-22T12:38:00Z"])


@router.get("", response_model=Listing[ModelServer])
def list_model_servers(workspace: Reader) -> object:
    """Every model server, by provider and name."""
    return all_of(workspace.read(views.list_model_servers).servers)


@router.post("", status_code=201, response_model=ModelServer)
def create_model_server(
    workspace: Admin,
    response: Response,
    values: Annotated[JsonBody, Like(FieldsWithKey), Field(examples=[EXAMPLE])],
    reason: Reason = None,
) -> object:
    """Allow a model server; operators may."""
    key = _key_of(values)

    def save(session: Session) -> views.ModelServer:
        saved = services.create_endpoint(session, values, key=key, reason=reason)
        return views.find_model_server(session, saved.id)

    server = workspace.act(save)
    response.headers["Location"] = f"model-servers/{server.id}"
    return _shown(response, server)


@router.get("/{model_server_id}", response_model=ModelServer, responses=etags.SHOWN)
def find_model_server(workspace: Reader, response: Response, model_server_id: Id) -> object:
    """One model server."""
    return _shown(response, workspace.read(lambda session: views.find_model_server(session, model_server_id)))


@router.patch("/{model_server_id}", response_model=ModelServer, responses=etags.SHOWN | etags.CHECKED)
def edit_model_server(
    *,
    workspace: Admin,
    response: Response,
    model_server_id: Id,
    changes: Annotated[JsonBody, Like(FieldsWithKey, is_partial=True), Field(examples=[{"is_enabled": True}])],
    if_match: IfMatch = None,
    reason: Reason = None,
) -> object:
    """Change these fields of a model server; operators may. Another address wants its key again."""
    key = _key_of(changes)

    def save(session: Session) -> views.ModelServer:
        seen = _seen(session, model_server_id, if_match)
        services.edit_endpoint(session, model_server_id, changes, seen.updated_at, key=key, reason=reason)
        return views.find_model_server(session, model_server_id)

    return _shown(response, workspace.act(save))


@router.delete("/{model_server_id}", status_code=204, responses=etags.CHECKED)
def delete_model_server(workspace: Admin, model_server_id: Id, if_match: IfMatch = None, reason: Reason = None) -> None:
    """Ask a model server no more, and forget its key; operators may."""

    def remove(session: Session) -> None:
        seen = _seen(session, model_server_id, if_match)
        services.delete_endpoint(session, model_server_id, seen.updated_at, reason)

    workspace.act(remove)


def _key_of(values: dict[str, Any]) -> str | None:
    """The key among the values of a form, which are without it then."""
    key = values.pop("key", None)
    if key is None or isinstance(key, str):
        return key
    raise InvalidInput({"key": "A key is text."})


def _seen(session: Session, model_server_id: int, if_match: str | None) -> views.ModelServer:
    server = views.find_model_server(session, model_server_id)
    etags.require_match(if_match, etags.of_time(server.updated_at))
    return server


def _shown(response: Response, server: views.ModelServer) -> views.ModelServer:
    response.headers["ETag"] = etags.of_time(server.updated_at)
    return server
