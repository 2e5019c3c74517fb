"""The model servers as Settings shows them; keys are never among it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import ProviderEndpoint
from helios_core.services.providers import is_rehearsing


@dataclass(frozen=True, slots=True)
class ModelServer:
    """One model server. A save names `updated_at` as what its editor saw."""

    id: int
    provider: str
    name: str
    address: str
    is_enabled: bool
    is_rehearsal: bool
    allows_link_local: bool
    key_source: str
    key_reference: str | None
    key_ends_with: str | None
    key_given_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ModelServers:
    """All of them."""

    servers: tuple[ModelServer, ...]
    is_rehearsing: bool
    """Whether answers are made up, because no model server is enabled."""


def list_model_servers(session: Session) -> ModelServers:
    """Every model server, by provider and name, the rehearsal last."""
    order = (ProviderEndpoint.is_rehearsal, ProviderEndpoint.provider, ProviderEndpoint.name)
    rows = session.scalars(select(ProviderEndpoint).order_by(*order))
    return ModelServers(tuple(_server(row) for row in rows), is_rehearsing(session))


def find_model_server(session: Session, server_id: int) -> ModelServer:
    """One model server, or NotFound."""
    row = session.get(ProviderEndpoint, server_id)
    if row is None:
        message = f"There is no model server {server_id}."
        raise NotFound(message)
    return _server(row)


def _server(row: ProviderEndpoint) -> ModelServer:
    return ModelServer(
        id=row.id,
        provider=row.provider.value,
        name=row.name,
        address=row.address,
        is_enabled=row.is_enabled,
        is_rehearsal=row.is_rehearsal,
        allows_link_local=row.allows_link_local,
        key_source=row.key_source,
        key_reference=row.key_reference,
        key_ends_with=row.key_ends_with,
        key_given_at=row.key_given_at,
        updated_at=row.updated_at,
    )
