"""Which models a provider has, from its own list, or why it does not say."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic

from helios_core.errors import HeliosError
from helios_core.providers.chat import ModelInfo
from helios_core.providers.clients import client_for
from helios_core.providers.endpoints import Endpoint
from helios_core.services.model_facts import learn
from helios_core.services.providers import endpoint_for
from helios_core.services.workspace import Workspace

KEPT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Listing:
    """What a provider says it has."""

    server: str | None
    """The name of the model server; None where none is enabled."""
    is_rehearsal: bool
    models: tuple[ModelInfo, ...]
    problem: str | None
    """Why there is no list, in a sentence; None where there is one."""


_lock = Lock()
_kept: dict[Endpoint, tuple[float, Listing]] = {}


def list_models(workspace: Workspace, provider: str, data_dir: Path | None = None) -> Listing:
    """The models of a provider, asked for at most every `KEPT_SECONDS`; no transaction waits for the answer."""
    try:
        endpoint = workspace.read(lambda session: endpoint_for(session, provider, data_dir))
    except HeliosError as error:
        return Listing(None, False, (), str(error))
    with _lock:
        kept = _kept.get(endpoint)
    if kept is None or monotonic() - kept[0] > KEPT_SECONDS:
        kept = monotonic(), listing_of(endpoint)
        with _lock:
            _kept[endpoint] = kept
        learn(workspace, endpoint, [model.name for model in kept[1].models])
    return kept[1]


def listing_of(endpoint: Endpoint) -> Listing:
    """What a model server says it has now."""
    try:
        return Listing(endpoint.name, endpoint.is_rehearsal, asyncio.run(_models(endpoint)), None)
    except HeliosError as error:
        return Listing(endpoint.name, endpoint.is_rehearsal, (), str(error))


async def _models(endpoint: Endpoint) -> tuple[ModelInfo, ...]:
    client = client_for(endpoint)
    try:
        return await client.models()
    finally:
        await client.aclose()
