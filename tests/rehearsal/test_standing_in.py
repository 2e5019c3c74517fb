"""The rehearsal as a process: alone, and as a part of `helios up` that steps back for a model server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import pytest

from helios_core.database.server import ServerUrls
from helios_core.services import providers
from helios_core.services.workspace import Workspace
from helios_core.views.providers import ModelServer, list_model_servers
from tests.waiting import eventually

HELIOS = (sys.executable, "-m", "helios_core", "rehearse")
VLLM = {"provider": "openai", "name": "vLLM", "address": "http://127.0.0.1:8000/v1"}


def version_at(address: str) -> str:
    """What the server at `address` says it is."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/api/version")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.fixture
def part(urls: ServerUrls, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """It as `helios up` starts it, at the test's database."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HELIOS_")}
    environment |= {
        "HELIOS_DATABASE_URL": urls.application.get_secret_value(),
        "HELIOS_DATA": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }
    command = [*HELIOS, "--supervisor", str(os.getpid()), "--pace", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        yield process
        process.kill()


def servers(workspace: Workspace) -> dict[str, ModelServer]:
    return {server.name: server for server in workspace.read(list_model_servers).servers}


def test_it_stands_in_while_no_model_server_is_enabled(workspace: Workspace, part: "subprocess.Popen[bytes]") -> None:
    assert eventually(lambda: workspace.read(providers.is_rehearsing), 30)
    assert "rehearsal" in version_at(servers(workspace)[providers.REHEARSAL].address)
    saved = workspace.act(partial(providers.create_endpoint, values=VLLM))
    assert eventually(lambda: list(servers(workspace)) == ["vLLM"])
    workspace.act(
        partial(
            providers.edit_endpoint,
            endpoint_id=saved.id,
            changes={"is_enabled": False},
            expected_updated_at=saved.updated_at,
        )
    )
    assert eventually(lambda: workspace.read(providers.is_rehearsing))
    part.send_signal(signal.SIGTERM)
    assert part.wait(timeout=10) == 0
    assert not workspace.read(providers.is_rehearsing)
    assert part.stdout is not None
    said = part.stdout.read().decode()
    assert "rehearsing at http://127.0.0.1:" in said
    assert "A model server is enabled: nothing is rehearsed." in said


def test_alone_it_says_where_it_answers_and_that_no_model_is_asked() -> None:
    command = [*HELIOS, "--port", "0", "--seed", "7"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        assert "seed 7" in first
        assert "No model is asked" in second
        assert "rehearsal" in version_at(next(word.rstrip(",") for word in first.split() if word.startswith("http")))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
