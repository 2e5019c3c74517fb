"""What Ollama alone tells: what is loaded, and what a model is."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from helios_core.errors import UnknownModel
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.memory import recognise
from helios_core.providers.ollama import Client, LoadedModel, ModelDescription
from tests.providers.served import served
from tests.providers.wire import Wire


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with served(Wire().app()) as port:
        yield Endpoint("ollama", "The server", f"http://127.0.0.1:{port}/ollama/")


def described(endpoint: Endpoint, model: str) -> ModelDescription:
    """What the server says of a model."""

    async def ask() -> ModelDescription:
        client = Client(endpoint)
        try:
            return await client.describe(model)
        finally:
            await client.aclose()

    return asyncio.run(ask())


def test_residency_says_how_much_of_a_model_is_on_cards(endpoint: Endpoint) -> None:
    async def ask() -> tuple[LoadedModel, ...]:
        client = Client(endpoint)
        try:
            return await client.loaded()
        finally:
            await client.aclose()

    expires_at = datetime(2026, 11, 20, 9, 5, 0, 123456, tzinfo=UTC)
    assert asyncio.run(ask()) == (LoadedModel("alpha", 6_000, 4_500, 4096, expires_at),)


def test_a_described_model_has_the_dimensions_that_an_estimate_needs(endpoint: Endpoint) -> None:
    described_model = described(endpoint, "alpha")
    assert described_model.estimated == recognise("llama3.1:8b")
    assert described_model.quantisation == "Q4_K_M"
    assert described_model.context_tokens == 131072
    assert described_model.capabilities == ("completion", "tools")


def test_a_model_that_was_not_pulled_is_unknown(endpoint: Endpoint) -> None:
    with pytest.raises(UnknownModel, match="no model omega"):
        described(endpoint, "omega")
