"""The client for an endpoint. Each provider's SDK is imported when it is first needed: some take seconds."""

from importlib import import_module

from helios_core.providers.chat import ChatClient
from helios_core.providers.endpoints import Endpoint


def client_for(endpoint: Endpoint) -> ChatClient:
    """A client that speaks the endpoint's wire format. Close it with `aclose()`."""
    module = import_module(f"helios_core.providers.{endpoint.provider}")
    client: ChatClient = module.Client(endpoint)
    return client
