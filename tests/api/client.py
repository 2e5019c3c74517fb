"""Requests as a program sends them: real HTTP, one answer each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

Value = str | int | bool


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    """By their names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever came back)
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        """What an edit names."""
        return self.headers["etag"]


@dataclass(frozen=True)
class Client:
    """Somebody with a key, or without one, at an API."""

    port: int
    key: str | None = None

    def with_key(self, key: str | None) -> "Client":
        """The same API, with another key."""
        return Client(self.port, key)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        /,
        **query: Value,
    ) -> Answer:
        """The answer to one request below /api; a body that is no bytes is sent as JSON."""
        sent = {"Authorization": f"Bearer {self.key}"} if self.key is not None else {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        target = f"/api{path}" + (f"?{urlencode(query)}" if query else "")
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, sent | dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Value) -> Any:  # noqa: ANN401 (whatever came back)
        """What is there."""
        answer = self.send("GET", path, **query)
        assert answer.status == 200, answer
        return answer.json

    def edit(self, method: str, path: str, body: object, etag: str, **query: Value) -> Answer:
        """A save by somebody who saw `etag`."""
        return self.send(method, path, body, {"If-Match": etag}, **query)
