"""The model servers that operators allow, and the one that an agent's model is asked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.errors import ConfigurationError, InvalidInput, NotAllowed
from helios_core.models import AgentConfiguration, AuditEvent, ModelProvider, ProviderEndpoint
from helios_core.providers.addresses import malformed
from helios_core.providers.endpoints import Endpoint
from helios_core.services.audit import recorded
from helios_core.services.editing import Fields, opened, remove
from helios_core.services.permissions import Action, require
from helios_core.services.provider_keys import FILE_NAME, KEY, VARIABLE, keep_sealed, key_of
from helios_core.settings import settings

KeySource = Literal["none", "environment", "file", "database"]
THING = "model server"
REHEARSAL = "The rehearsal"


def _address(value: str) -> str:
    problem = malformed(value)
    if problem is not None:
        raise ValueError(problem)
    return value.rstrip("/")


class EndpointFields(Fields):
    """The fields of a model server that an operator sets; its key comes beside them."""

    thing = "a model server"

    provider: Annotated[
        ModelProvider,
        Field(strict=False, title="Speaks as", description=f"Choose one of {', '.join(ModelProvider)}."),
    ]
    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$"),
        Field(title="Name", description="Name the model server, in at most 100 characters."),
    ]
    address: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=500),
        AfterValidator(_address),
        Field(title="Address", description="An address has at most 500 characters."),
    ]
    is_enabled: Annotated[bool, Field(title="Enabled", description="A model server is enabled or not.")] = True
    allows_link_local: Annotated[
        bool, Field(title="May be link-local", description="Link-local addresses are let through or not.")
    ] = False
    key_source: Annotated[
        KeySource, Field(title="Key", description="A key is none, in the environment, in a file or in the database.")
    ] = "none"
    key_reference: Annotated[str | None, Field(title="Where the key is", description="Name where the key is.")] = None

    @field_validator("key_reference")
    @classmethod
    def _named_as_its_source_wants(cls, reference: str | None, info: ValidationInfo) -> str | None:
        source = info.data.get("key_source")
        if source == "environment" and not VARIABLE.fullmatch(reference or ""):
            message = "Name a variable of the environment that is called a key, such as OPENAI_API_KEY or HF_TOKEN."
            raise ValueError(message)
        if source == "file" and not FILE_NAME.fullmatch(reference or ""):
            message = "Name a file in the folder keys of the data folder, without its path."
            raise ValueError(message)
        return reference if source in {"environment", "file"} else None


@dataclass(frozen=True, slots=True)
class SavedEndpoint:
    """A model server as it was saved; an edit names `updated_at` as what the editor saw."""

    id: int
    updated_at: datetime
    fields: EndpointFields


def create_endpoint(
    session: Session,
    values: Mapping[str, object],
    *,
    key: str | None = None,
    reason: str | None = None,
    data_dir: Path | None = None,
) -> SavedEndpoint:
    """Allow a model server. `key` is sealed into the database where the fields say that it is there.

    Raises InvalidInput with a sentence for each field, DuplicateEntry and NotAllowed.
    """
    require(session, Action.EDIT_PROVIDERS)
    endpoint = ProviderEndpoint(is_rehearsal=False)
    fields = EndpointFields.validated(values)
    return _stored(session, endpoint, fields, key=key, action="added", reason=reason, data_dir=data_dir)


def edit_endpoint(
    session: Session,
    endpoint_id: int,
    changes: Mapping[str, object],
    expected_updated_at: datetime,
    *,
    key: str | None = None,
    reason: str | None = None,
    data_dir: Path | None = None,
) -> SavedEndpoint:
    """Save `changes` to a model server as the editor saw it. A sealed key stays, unless the address changes."""
    require(session, Action.EDIT_PROVIDERS)
    endpoint = _own(opened(session, ProviderEndpoint, endpoint_id, expected_updated_at, THING))
    fields = EndpointFields.of(endpoint).changed(changes)
    return _stored(session, endpoint, fields, key=key, action="changed", reason=reason, data_dir=data_dir)


def delete_endpoint(
    session: Session, endpoint_id: int, expected_updated_at: datetime, reason: str | None = None
) -> None:
    """Ask a model server no more, and forget its key."""
    require(session, Action.EDIT_PROVIDERS)
    remove(session, _own(opened(session, ProviderEndpoint, endpoint_id, expected_updated_at, THING)), reason)


def endpoint_for(session: Session, model_provider: ModelProvider | str, data_dir: Path | None = None) -> Endpoint:
    """Where models of a provider are asked, with the key: the rehearsal, while no model server is enabled at all.

    Raises ConfigurationError with what to do where there is none, or its key is not where it should be.
    """
    enabled = select(ProviderEndpoint).where(ProviderEndpoint.is_enabled)
    found = session.scalars(
        enabled.where(_is_real(), ProviderEndpoint.provider == ModelProvider(model_provider))
    ).one_or_none()
    if found is None and not _has_real(session):
        found = session.scalars(enabled.where(ProviderEndpoint.is_rehearsal)).one_or_none()
    if found is None:
        message = f"No model server that speaks as {model_provider} is enabled; an operator adds one in Settings."
        raise ConfigurationError(message)
    return endpoint_of(found, data_dir)


def endpoint_of(row: ProviderEndpoint, data_dir: Path | None = None) -> Endpoint:
    """A model server as its client wants it, with its key."""
    return Endpoint(
        provider=row.provider.value,
        name=row.name,
        address=row.address,
        key=key_of(row, data_dir or settings().data_dir),
        allows_link_local=row.allows_link_local,
        is_rehearsal=row.is_rehearsal,
    )


def is_rehearsing(session: Session) -> bool:
    """Whether answers come from the rehearsal, so that what they are part of has to say so."""
    offered = exists().where(ProviderEndpoint.is_rehearsal, ProviderEndpoint.is_enabled)
    return bool(session.scalar(select(offered))) and not _has_real(session)


def offer_rehearsal(session: Session, address: str | None) -> bool:
    """Let the rehearsal at `address` stand in, unless a model server is enabled; None withdraws it.

    Returns whether it stands in now. Helios calls this for itself, every few seconds.
    """
    is_wanted = address is not None and not _has_real(session)
    standing = session.scalars(select(ProviderEndpoint).where(ProviderEndpoint.is_rehearsal)).one_or_none()
    if standing is not None and (not is_wanted or standing.address != address):
        session.execute(delete(ProviderEndpoint).where(ProviderEndpoint.id == standing.id))
    if is_wanted and (standing is None or standing.address != address):
        session.add(ProviderEndpoint(provider=ModelProvider.OLLAMA, name=REHEARSAL, address=address, is_rehearsal=True))
    session.flush()
    return is_wanted


def adopt(session: Session, address: str, models: frozenset[str]) -> bool:
    """Allow an Ollama found on this machine, where nobody has decided on model servers and the team can use it.

    `models`: what it has. The team can use it where an agent is configured with one of them. Returns whether it was.
    """
    was_decided = exists().where(AuditEvent.subject == ProviderEndpoint.__tablename__)
    wanted = select(AgentConfiguration.assigned_llm).where(
        AgentConfiguration.is_enabled, AgentConfiguration.model_provider == ModelProvider.OLLAMA
    )
    if session.scalar(select(was_decided)) or not models.intersection(session.scalars(wanted)):
        return False
    endpoint = ProviderEndpoint(provider=ModelProvider.OLLAMA, name="Ollama on this machine", address=address)
    with recorded(session, "added", endpoint, "it answers, and has a model of the team", by_helios=True):
        session.add(endpoint)
    return True


def _stored(
    session: Session,
    endpoint: ProviderEndpoint,
    fields: EndpointFields,
    *,
    key: str | None,
    action: str,
    reason: str | None,
    data_dir: Path | None,
) -> SavedEndpoint:
    _check_alone(session, endpoint, fields)
    has_moved = (endpoint.provider, endpoint.address) != (fields.provider, fields.address)
    is_kept = endpoint.sealed_secret is not None and not has_moved and fields.key_source == "database"
    _check_key(endpoint, fields, key, is_kept)
    with refusals(session), recorded(session, action, endpoint, reason):
        for field, value in fields:
            setattr(endpoint, field, value)
        if fields.key_source != "database":
            endpoint.sealed_secret = endpoint.key_ends_with = endpoint.key_given_at = None
        if key:
            keep_sealed(endpoint, key, data_dir or settings().data_dir)
            endpoint.key_given_at = datetime.now(UTC)
    return SavedEndpoint(endpoint.id, endpoint.updated_at, EndpointFields.of(endpoint))


def _check_alone(session: Session, endpoint: ProviderEndpoint, fields: EndpointFields) -> None:
    """An agent names a provider, so that there is one model server to ask for it."""
    others = select(ProviderEndpoint.name).where(
        ProviderEndpoint.is_enabled,
        _is_real(),
        ProviderEndpoint.provider == fields.provider,
        ProviderEndpoint.id.is_distinct_from(endpoint.id),
    )
    other = session.scalars(others).first() if fields.is_enabled else None
    if other is not None:
        raise InvalidInput({"is_enabled": f"“{other}” is enabled for {fields.provider}; switch it off first."})


def _check_key(endpoint: ProviderEndpoint, fields: EndpointFields, key: str | None, is_kept: bool) -> None:
    if fields.key_source != "database":
        if key:
            raise InvalidInput({"key": "A key that is kept elsewhere is not given here."})
    elif key and not KEY.fullmatch(key):
        raise InvalidInput({"key": "A key is one line of printable characters without spaces."})
    elif not key and not is_kept:
        again = "again: the one that is here was given for another address" if endpoint.sealed_secret else "here"
        raise InvalidInput({"key": f"Give the key {again}."})


def _own(endpoint: ProviderEndpoint) -> ProviderEndpoint:
    if endpoint.is_rehearsal:
        message = "The rehearsal comes and goes by itself; enable a model server, and it is gone."
        raise NotAllowed(message)
    return endpoint


def _is_real() -> ColumnElement[bool]:
    return ~ProviderEndpoint.is_rehearsal


def _has_real(session: Session) -> bool:
    return bool(session.scalar(select(exists().where(ProviderEndpoint.is_enabled, _is_real()))))
