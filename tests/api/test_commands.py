"""Keys and the API from the command line, as an operator uses them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helios_core.database.server import ServerUrls
from helios_core.services.team import ensure_default_team
from helios_core.services.workspace import Workspace
from tests.api.client import Client
from tests.api.conftest import add_cards
from tests.installations import free_port
from tests.test_cli import Connected, connected, is_one_sentence
from tests.waiting import eventually

__all__ = ["connected"]

CURL = shutil.which("curl")
DOCUMENT = Path(__file__).parents[2] / "docs/api.md"


@contextmanager
def served(connected: Connected) -> Iterator[int]:
    """The port at which `helios api` serves the test's database."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HELIOS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "helios_core", "api", "--port", str(port)],
        env=environment | connected.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/api" in process.stdout.readline()
        assert eventually(lambda: answers(port), within_seconds=30)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def answers(port: int) -> bool:
    """Whether an API is there."""
    try:
        return Client(port).send("GET", "/openapi.json").status == 200
    except OSError:
        return False


def test_a_key_is_made_used_listed_and_revoked(connected: Connected) -> None:
    key = connected.printed("keys create nightly --days 7").strip()
    made = json.loads(connected.printed("keys create other --scope admin --json"))
    with served(connected) as port:
        assert Client(port, key).get("/me")["scopes"] == ["read"]
        assert Client(port, made["text"]).get("/me")["scopes"] == ["read", "write", "admin"]
        connected.printed(f"keys revoke {made['key_id']}")
        assert Client(port, made["text"]).send("GET", "/me").status == 401
    listed = connected.printed("keys list")
    assert ("nightly" in listed, "revoked" in listed, key[13:] in listed) == (True, True, False)


def test_what_cannot_be_is_refused_in_a_sentence(connected: Connected) -> None:
    for line, code in {
        "create nightly --days 1000": 5,
        "create nightly --user nobody": 4,
        "revoke AAAAAAAA": 4,
    }.items():
        done = connected(f"keys {line}")
        assert (done.returncode, is_one_sentence(done.stderr)) == (code, True)


def test_it_refuses_to_listen_elsewhere_than_on_this_machine(urls: ServerUrls) -> None:
    done = Connected(urls)("api --address 0.0.0.0")
    assert (done.returncode, "keys would cross the network" in done.stderr) == (6, True)


@pytest.mark.skipif(CURL is None, reason="curl is not installed here")
def test_the_documentation_says_what_works(connected: Connected, workspace: Workspace, tmp_path: Path) -> None:
    workspace.act(ensure_default_team)
    workspace.act(add_cards)
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 10
    with served(connected) as port:
        script = "\n".join(["set -euo pipefail", *blocks]).replace(":8501/", f":{port}/")
        environment = (
            os.environ | connected.environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        )
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "curl: (22) The requested URL returned error: 404\n"), done.stdout
    for expected in (
        '"scopes":["read","write"]',
        '"name":"vLLM"',
        '"step_seconds"',
        '"after":7',
        '"reason":"urgent"',
        '"is_new":true',
    ):
        assert expected in done.stdout
    assert "urn:helios:problem:not-found" in done.stdout
