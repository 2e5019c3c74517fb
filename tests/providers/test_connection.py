"""The one way out, at servers of our own."""

import asyncio
import socket

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from helios_core.errors import BrokenAnswer, ProviderUnreachable, RequestRefused
from helios_core.providers.connection import connect
from helios_core.providers.endpoints import Endpoint
from tests.providers.served import served

HIDDEN = (
    "http://169.254.169.254/latest/meta-data",
    "http://2852039166/latest/meta-data",
    "http://0xa9fea9fe/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
)
"""The metadata service in the spellings that resolvers take."""


def get(address: str, url: str | None = None) -> httpx2.Response:
    """The answer of `url`, asked through a client for `address`."""

    async def ask() -> httpx2.Response:
        async with connect(Endpoint("openai", "The server", address)) as client:
            return await client.get(url or address)

    return asyncio.run(ask())


@pytest.mark.parametrize("address", HIDDEN)
def test_the_metadata_service_is_not_asked_however_it_is_spelt(address: str) -> None:
    with pytest.raises(RequestRefused, match="link-local"):
        get(address)


@pytest.mark.parametrize("address", ["http://0251.0376.0251.0376/", "http://169.16689662/", "file:///etc/passwd"])
def test_what_is_no_address_is_not_asked(address: str) -> None:
    with pytest.raises(RequestRefused, match="cannot be asked"):
        get(address)


def test_no_other_origin_is_asked() -> None:
    with served(PlainTextResponse("there")) as port, served(PlainTextResponse("elsewhere")) as other:
        address = f"http://127.0.0.1:{port}"
        assert get(address, f"{address}/any/path").text == "there"
        for url in (f"http://127.0.0.1:{other}/", f"https://127.0.0.1:{port}/", f"http://localhost:{port}/"):
            with pytest.raises(RequestRefused, match="not its address"):
                get(address, url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_stays_where_it_is(status: int) -> None:
    with served(RedirectResponse("/other", status)) as port:
        assert get(f"http://127.0.0.1:{port}").status_code == status


def test_a_name_is_asked_at_the_address_that_was_checked_and_keeps_its_name() -> None:
    async def host(request: Request) -> Response:
        return PlainTextResponse(request.headers["host"])

    with served(Starlette(routes=[Route("/", host)])) as port:
        address = f"http://localhost:{port}"
        assert get(address).text == f"localhost:{port}"


def test_a_name_that_nobody_has_is_named() -> None:
    with pytest.raises(ProviderUnreachable, match=r"nobody\.invalid"):
        get("http://nobody.invalid")


def test_a_name_that_leads_to_the_metadata_service_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        assert host == "models.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(RequestRefused, match="link-local"):
        get("http://models.example")


def test_a_name_is_resolved_once_for_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what was checked is what is asked, whatever the name leads to a moment later."""
    answers = iter(["127.0.0.1", "169.254.169.254"])

    def resolve(_host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 0))]

    with served(PlainTextResponse("there")) as port:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert get(f"http://models.example:{port}").text == "there"
    assert list(answers) == ["169.254.169.254"]


def test_where_nobody_listens_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProviderUnreachable, match=f"http://127.0.0.1:{port}"):
        get(f"http://127.0.0.1:{port}")


def test_a_packed_answer_is_refused() -> None:
    packed = Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    with served(packed) as port, pytest.raises(BrokenAnswer, match="gzip"):
        get(f"http://127.0.0.1:{port}")


def test_proxies_of_the_environment_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with served(PlainTextResponse("there")) as port:
        assert get(f"http://127.0.0.1:{port}").text == "there"
