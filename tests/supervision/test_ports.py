"""Which port the dashboard gets."""

import socket
from collections.abc import Iterator

import pytest

from helios_core.errors import PortTaken
from helios_core.settings import Settings
from helios_core.supervision.ports import choose_port, is_free
from tests.installations import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens at."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_free_port_is_taken_as_it_is() -> None:
    port = free_port()
    assert choose_port(Settings(port=port)) == port


def test_a_port_that_was_asked_for_is_never_replaced(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"Port {taken} is taken .* `helios up --port \d+`"):
        choose_port(Settings(port=taken))


def test_the_usual_port_gives_way_to_the_next_free_one(taken: int) -> None:
    nobody_asked = Settings.model_construct(port=taken, _fields_set=set())
    chosen = choose_port(nobody_asked)
    assert chosen > taken
    assert is_free(chosen)
