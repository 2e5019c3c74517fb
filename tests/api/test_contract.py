"""What holds for every noun: problems, ETags, pages, limits."""

import json
from http.client import HTTPConnection

import pytest
from pydantic import SecretStr

from helios_core.database.engine import connect
from helios_core.database.session import Database
from tests.api.conftest import Api, served
from tests.api.description import DESCRIPTION


def test_problems_name_the_fields_that_were_refused(api: Api) -> None:
    refused = api.olga.client.send("POST", "/rules", {"name": "", "strategy": "pack", "priority": 11, "colour": 1})
    assert (refused.status, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json["type"] == "urn:helios:problem:invalid-input"
    assert {field["field"]: field["detail"] for field in refused.json["errors"]} == {
        "name": "Name the rule, in at most 100 characters.",
        "priority": "Priority is 1 (last) to 10 (first), a whole number.",
        "colour": "A rule has no field colour.",
    }
    parameter = api.mira.client.send("GET", "/conversations", limit=0)
    assert [field["field"] for field in parameter.json["errors"]] == ["limit"]


def test_parameters_that_would_be_overlooked_are_refused(api: Api) -> None:
    misspelt = api.mira.client.send("GET", "/conversations", stat="failed")
    assert misspelt.json["errors"][0]["field"] == "stat"
    assert "state" in misspelt.json["detail"]
    twice = api.mira.client.send("GET", "/conversations?state=failed&state=completed")
    assert (twice.status, twice.json["detail"]) == (422, "Give state once.")


def test_every_way_to_miss_is_a_problem(api: Api) -> None:
    mira = api.mira.client
    for answer, status in (
        (mira.send("GET", "/nothing"), 404),
        (mira.send("GET", "/rules/1%0A"), 404),
        (mira.send("PUT", "/gpus"), 405),
        (mira.send("GET", "/conversations/0"), 422),
        (mira.send("POST", "/conversations", b"{"), 422),
        (mira.send("POST", "/rules", b"{", {"Content-Type": "application/json"}), 422),
        (mira.send("POST", "/rules", b'{"name": "\\ud800"}', {"Content-Type": "application/json"}), 422),
    ):
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
        assert set(answer.json) == {"type", "title", "status", "detail", "errors"}


@pytest.mark.parametrize("path", [path for path in DESCRIPTION["paths"] if "{" not in path])
def test_a_method_that_a_path_does_not_have_is_refused_with_those_that_it_has(api: Api, path: str) -> None:
    there = {method.upper() for method in DESCRIPTION["paths"][path]}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
        answer = api.olga.client.send(method, path)
        assert (answer.status, set(answer.headers["allow"].split(", "))) == (405, there), method


def test_an_edit_names_what_its_editor_saw(api: Api) -> None:
    path, olga = "/agents/technical_expert/configuration", api.olga.client
    seen = olga.send("GET", path).etag
    assert olga.send("PATCH", path, {"priority": 3}).status == 428
    assert olga.edit("PATCH", path, {"priority": 3}, "*").status == 428
    assert olga.edit("PATCH", path, {"priority": 3}, seen).status == 200
    late = olga.edit("PATCH", path, {"priority": 4}, seen)
    assert (late.status, late.json["type"]) == (412, "urn:helios:problem:edit-conflict")
    assert olga.get(path)["values"]["priority"] == 3


def test_the_default_and_ones_own_are_never_taken_for_each_other(api: Api) -> None:
    path, mira = "/agents/socratic_expert/configuration", api.mira.client
    default = mira.send("GET", path).etag
    own = mira.edit("PATCH", path, {"priority": 3}, default).etag
    assert mira.edit("DELETE", path, None, own).status == 204
    assert mira.send("GET", path).etag == default
    assert mira.edit("PATCH", path, {"priority": 3}, own).status == 412


def test_pages_hold_everything_once_whatever_is_added_meanwhile(api: Api) -> None:
    otto = api.otto.client
    for number in range(5):
        assert otto.send("POST", "/conversations", conversation(f"Page {number}")).status == 201
    first = otto.get("/conversations", limit=2)
    otto.send("POST", "/conversations", conversation("Added between"))
    seen, page = list(first["items"]), first
    while page["next"] is not None:
        page = otto.get("/conversations", limit=2, cursor=page["next"])
        assert len(page["items"]) <= 2
        seen += page["items"]
    titles = [row["title"] for row in seen]
    assert titles == ["Page 4", "Page 3", "Page 2", "Page 1", "Page 0", "Spot instances?"]


def test_messages_are_paged_in_their_order(api: Api) -> None:
    path = f"/conversations/{api.mira.conversation_id}/messages"
    first = api.mira.client.get(path, limit=3)
    second = api.mira.client.get(path, limit=3, cursor=first["next"])
    assert [message["position"] for message in first["items"] + second["items"]] == [0, 1, 2, 3, 4]
    assert second["next"] is None
    assert api.mira.client.send("GET", path, cursor=2**31 - 2).status == 422


def test_a_cursor_that_no_page_gave_is_refused(api: Api) -> None:
    for cursor in ("x", "%", "MjAyNg", "MjAyNi0xMS0yMlQxMjozODowMH4xMg", "=" * 4, "é"):
        refused = api.mira.client.send("GET", "/conversations", cursor=cursor)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "cursor")


def test_a_body_that_is_too_large_is_not_read_to_its_end(api: Api) -> None:
    refused = api.olga.client.send("POST", "/rules", {"name": "x" * 2_000_000})
    assert (refused.status, refused.headers["content-type"]) == (413, "application/problem+json")
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    headers = {"Authorization": f"Bearer {api.olga.client.key}", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/api/rules", (b"x" * 65536 for _ in range(40)), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_database_that_is_away_is_said_with_when_to_try_again(api: Api) -> None:
    nowhere = Database(connect(SecretStr("postgresql://helios@127.0.0.1:1/helios")))
    with served(nowhere) as port:
        refused = type(api.mira.client)(port, api.mira.client.key).send("GET", "/gpus")
    nowhere.close()
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")


def test_the_documentation_needs_no_key_and_fetches_nothing_from_elsewhere(api: Api) -> None:
    page = api.nobody.send("GET", "/docs")
    assert (page.status, "text/html" in page.headers["content-type"]) == (200, True)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("docs", "docs.js", "docs.css"):
        assert b"//" not in api.nobody.send("GET", f"/{name}").body.replace(b"http://www.w3.org", b"")
    assert api.nobody.send("GET", "/openapi.json").json["servers"] == [{"url": "/api"}]


def test_every_operation_is_described_with_an_example_of_each_body(api: Api) -> None:
    schema = api.nobody.send("GET", "/openapi.json").json
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            for body in operation.get("requestBody", {}).get("content", {}).values():
                assert '"example' in json.dumps(body) or "$ref" in json.dumps(body), (method, path)


def conversation(title: str) -> dict[str, object]:
    """A small file of our own."""
    question = {"speaker": "user", "kind": "question", "content": title}
    return {
        "format": "helios-conversation/1",
        "title": title,
        "outcome": "completed",
        "participants": [],
        "messages": [question],
    }
