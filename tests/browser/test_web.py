"""The served process: on loopback only, and for the names of loopback only."""

from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import Installation

pytestmark = pytest.mark.browser

TCP_TABLE = Path("/proc/net/tcp")
LISTENING = "0A"
LOOPBACK = "0100007F"


def upgraded(installation: Installation, **headers: str) -> int:
    """The status with which the pages' socket answers a request with these headers."""
    at = urlsplit(installation.address)
    connection = HTTPConnection(at.hostname or "", at.port, timeout=10)
    connection.putrequest("GET", "/_stcore/stream", skip_host=True)
    handshake = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit",
    }  # fmt: skip
    for name, value in (handshake | headers).items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_socket_opens_for_names_of_loopback(installation: Installation) -> None:
    port = urlsplit(installation.address).port
    for host in ("127.0.0.1", "localhost"):
        assert upgraded(installation, Host=f"{host}:{port}") == 101


def test_the_socket_stays_closed_for_any_other_name_and_origin(installation: Installation) -> None:
    port = urlsplit(installation.address).port
    assert upgraded(installation, Host=f"helios.example:{port}") == 403
    assert upgraded(installation, Host=f"127.0.0.1:{port}", Origin="http://helios.example") == 403


def test_health_is_told_to_names_of_loopback_only(installation: Installation) -> None:
    at = urlsplit(installation.address)
    statuses = {}
    for host in ("127.0.0.1", "localhost", "[::1]", "helios.example", "127.0.0.1.helios.example"):
        connection = HTTPConnection(at.hostname or "", at.port, timeout=10)
        connection.request("GET", "/healthz", headers={"Host": f"{host}:{at.port}"})
        statuses[host] = connection.getresponse().status
        connection.close()
    assert statuses == {
        "127.0.0.1": 200, "localhost": 200, "[::1]": 200, "helios.example": 403, "127.0.0.1.helios.example": 403,
    }  # fmt: skip


@pytest.mark.skipif(not TCP_TABLE.exists(), reason="only Linux tells who listens where")
def test_the_process_listens_on_loopback_and_nowhere_else(installation: Installation) -> None:
    port = f"{urlsplit(installation.address).port:04X}"
    sockets = [line.split() for line in TCP_TABLE.read_text().splitlines()[1:]]
    places = {
        fields[1].split(":")[0] for fields in sockets if fields[3] == LISTENING and fields[1].endswith(f":{port}")
    }
    assert places == {LOOPBACK}
