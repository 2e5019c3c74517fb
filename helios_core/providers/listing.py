"""Asking a provider what models it has: for people who wait for a list, so soon or not at all."""

import asyncio
from collections.abc import Awaitable, Iterable

from helios_core.errors import AnswerTimedOut
from helios_core.providers.chat import ModelInfo
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.failures import translated

LIST_SECONDS = 6.0


async def listed(endpoint: Endpoint, asked: Awaitable[Iterable[ModelInfo]]) -> tuple[ModelInfo, ...]:
    """The models by name, or a ProviderError."""
    try:
        async with asyncio.timeout(LIST_SECONDS):
            with translated(endpoint):
                found = await asked
    except TimeoutError as error:
        message = f"{endpoint.name} does not list its models within {LIST_SECONDS:.0f} s."
        raise AnswerTimedOut(message) from error
    return tuple(sorted(found, key=lambda model: model.name))
