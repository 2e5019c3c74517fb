"""Which port of loopback the dashboard listens at."""

import socket

from helios_core.errors import PortTaken
from helios_core.settings import Settings

SEARCHED = 100


def choose_port(settings: Settings) -> int:
    """The configured port. Where it is taken and nobody asked for it by name, the next free one."""
    if is_free(settings.port):
        return settings.port
    free = next_free(settings.port)
    if "port" in settings.model_fields_set:
        message = f"Port {settings.port} is taken by another program; `helios up --port {free}` would use a free one."
        raise PortTaken(message)
    return free


def is_free(port: int) -> bool:
    """Whether a server could listen at `port` of loopback now."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def next_free(port: int) -> int:
    """The first free port after `port`."""
    for candidate in range(port + 1, min(port + 1 + SEARCHED, 65536)):
        if is_free(candidate):
            return candidate
    message = f"No port between {port} and {port + SEARCHED} is free; name one with --port."
    raise PortTaken(message)
