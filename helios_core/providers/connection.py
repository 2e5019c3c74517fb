"""The one way out: every request to a provider passes this transport, whichever SDK makes it.

It asks the endpoint's own origin and no other, never follows a redirect, resolves the host once and connects to what
it has checked, takes no proxy or key from the environment, and stops reading an answer that never ends.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import cast

import httpx2

from helios_core.errors import BrokenAnswer, ProviderUnreachable, RequestRefused
from helios_core.providers.addresses import Ip, forbidden, malformed
from helios_core.providers.endpoints import Endpoint

ANSWER_MAX_BYTES = 32 * 2**20
"""More than any model writes in one answer, with all its framing."""
WRITE_SECONDS = 60.0


def connect(endpoint: Endpoint) -> httpx2.AsyncClient:
    """A client for one endpoint. How long an answer may take is watched where it is read."""
    wrong = malformed(endpoint.address)
    if wrong is not None:
        message = f"{endpoint.name} cannot be asked at {endpoint.address}. {wrong}"
        raise RequestRefused(message)
    return httpx2.AsyncClient(
        transport=Guard(endpoint),
        verify=trusted(),
        timeout=httpx2.Timeout(None, connect=endpoint.timeouts.connect_seconds, write=WRITE_SECONDS),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


@cache
def trusted() -> ssl.SSLContext:
    """Whose certificates count. To read them takes longer than a request on loopback."""
    return httpx2.create_ssl_context(trust_env=False)


class Guard(httpx2.AsyncBaseTransport):
    """Lets requests through to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._origin = origin(httpx2.URL(endpoint.address))
        self._inner = httpx2.AsyncHTTPTransport(verify=trusted(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send to the first of the host's addresses that takes a connection."""
        if origin(request.url) != self._origin:
            message = f"{self._endpoint.name} would have been asked at {request.url.host}, which is not its address."
            raise RequestRefused(message)
        host = request.url.host
        request.extensions["sni_hostname"] = host  # the certificate is the host's, whichever address answers
        failed: httpx2.ConnectError | None = None
        for ip in await self._resolved(host):
            request.url = request.url.copy_with(host=str(ip))
            try:
                return self._checked(await self._inner.handle_async_request(request))
            except httpx2.ConnectError as error:
                failed = error
        message = f"Nothing answers at {self._endpoint.address}; check that {self._endpoint.name} runs."
        raise ProviderUnreachable(message) from failed

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()

    async def _resolved(self, host: str) -> list[Ip]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            message = f"No host is called {host}; check the address of {self._endpoint.name} in Settings."
            raise ProviderUnreachable(message) from error
        ips = [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
        for ip in ips:
            refusal = forbidden(ip, self._endpoint.allows_link_local)
            if refusal is not None:
                raise RequestRefused(f"{self._endpoint.name} is not asked: {refusal}")
        return ips

    def _checked(self, response: httpx2.Response) -> httpx2.Response:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":  # a few packed bytes may unpack to gigabytes
            message = f"{self._endpoint.name} packed its answer ({encoding}), which it was asked not to."
            raise BrokenAnswer(message)
        response.stream = Limited(cast("httpx2.AsyncByteStream", response.stream), self._endpoint.name)
        return response


class Limited(httpx2.AsyncByteStream):
    """The bytes of an answer, up to ANSWER_MAX_BYTES of them."""

    def __init__(self, stream: httpx2.AsyncByteStream, name: str) -> None:
        self._stream = stream
        self._name = name

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > ANSWER_MAX_BYTES:
                message = f"{self._name} sent more than {ANSWER_MAX_BYTES // 2**20} MiB in one answer."
                raise BrokenAnswer(message)
            yield part

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


def origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
