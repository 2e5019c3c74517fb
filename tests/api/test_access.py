"""Who gets in, and how far: keys, scopes, roles, and other users' things."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from helios_core.database.session import SYSTEM
from helios_core.models import ApiKey, AuditEvent, User
from helios_core.services.activation import set_enabled_for
from helios_core.services.keys import Scope, revoke_key
from helios_core.views.keys import list_keys
from tests.api.client import Answer
from tests.api.conftest import Api

UNKNOWN = "hel_AAAAAAAA_" + "A" * 43


def problem(answer: Answer, status: int) -> str:
    """What a problem says."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status
    return str(answer.json["detail"])


def key_id(key: str | None) -> str:
    """What a key is called."""
    assert key is not None
    return key[4:12]


def test_a_request_without_a_key_is_refused_on_loopback_too(api: Api) -> None:
    refused = api.nobody.send("GET", "/gpus")
    assert "helios keys create" in problem(refused, 401)
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_whatever_is_no_key_is_refused_alike(api: Api) -> None:
    key = api.mira.client.key or ""
    last = "A" if key[-1] != "A" else "B"
    secret = "A" if key[20] != "A" else "B"
    for wrong in (
        "",
        "hel_",
        key[:-1],
        key + "A",
        key[:-1] + last,
        key[:20] + secret + key[21:],
        key.upper(),
        "ä" * 62,
    ):
        problem(api.nobody.with_key(wrong.encode("utf-8").decode("latin-1")).send("GET", "/me"), 401)


def test_a_key_that_never_was_answers_as_one_with_a_wrong_secret(api: Api) -> None:
    from helios_core.services.keys import _checksum  # a well-formed key has to be made up

    known = f"hel_{key_id(api.mira.client.key)}_" + "A" * 43
    answers = [api.nobody.with_key(body + _checksum(body)).send("GET", "/me") for body in (UNKNOWN, known)]
    assert answers[0].body == answers[1].body
    problem(answers[0], 401)


def test_expired_revoked_and_switched_off_keys_say_so(api: Api) -> None:
    expired, revoked = api.key_of(api.mira, Scope.READ), api.key_of(api.mira, Scope.READ)
    with api.database.session(SYSTEM) as session:
        past = datetime.now(UTC) - timedelta(days=2)
        session.query(ApiKey).filter_by(key_id=key_id(expired.key)).update(
            {"created_at": past, "expires_at": past + timedelta(days=1)}
        )
        session.commit()
    assert "expired" in problem(expired.send("GET", "/me"), 401)
    with api.database.session(api.mira.principal) as session:
        revoke_key(session, key_id(revoked.key), "left on a train")
        session.commit()
    assert "revoked" in problem(revoked.send("GET", "/me"), 401)
    with api.database.session(SYSTEM) as session:
        session.query(User).filter_by(username="mira").update({"is_active": False})
        session.commit()
        assert "switched off" in problem(api.mira.client.send("GET", "/me"), 401)
        session.query(User).filter_by(username="mira").update({"is_active": True})
        session.commit()
    assert api.mira.client.send("GET", "/me").status == 200


def test_a_key_opens_no_more_than_its_scope(api: Api) -> None:
    rule = {"name": "narrow", "strategy": "pack"}
    reader, writer = api.key_of(api.olga, Scope.READ), api.key_of(api.olga, Scope.WRITE)
    assert "scope write" in problem(reader.send("POST", "/rules", rule), 403)
    assert writer.send("POST", "/rules", rule).status == 201
    assert "scope admin" in problem(writer.send("GET", "/audit"), 403)


def test_a_key_does_no_more_than_its_user_may(api: Api) -> None:
    refused = api.mira.client.send("POST", "/rules", {"name": "mine", "strategy": "pack"})
    assert problem(refused, 403) == "Users may not edit load-balancing rules; ask an operator."
    problem(api.mira.client.send("GET", "/users"), 403)
    problem(api.mira.client.send("POST", "/users", {"username": "eve", "role": "admin"}), 403)


def test_a_user_for_whom_helios_is_off_reads_that(api: Api) -> None:
    otto = api.otto.principal.user_id
    assert otto is not None
    with api.database.session(api.olga.principal) as session:
        set_enabled_for(session, otto, is_enabled=False)
        session.commit()
        refused = api.otto.client.send("GET", "/gpus")
        set_enabled_for(session, otto, is_enabled=None)
        session.commit()
    assert refused.json["type"] == "urn:helios:problem:not-enabled"
    problem(refused, 403)


def test_only_a_hash_of_a_key_is_kept_and_its_use_is_noted(api: Api) -> None:
    client = api.key_of(api.otto, Scope.READ)
    client.get("/me")
    with api.database.session(SYSTEM) as session:
        [key] = [key for key in list_keys(session) if key.key_id == key_id(client.key)]
        assert (key.state, key.scope, key.last_used_at is not None) == ("active", "read", True)
        secret = (client.key or "")[13:56]
        for table in (ApiKey, AuditEvent):
            rows = session.scalars(text(f"SELECT t::text FROM {table.__tablename__} AS t")).all()
            assert rows
            assert [row for row in rows if secret in row] == []
        audited = session.query(AuditEvent).filter_by(subject="api_keys", action="added").all()
    assert all("secret_hash" not in (event.after or {}) for event in audited)


OWN = (
    "/conversations/{conversation}",
    "/conversations/{conversation}/messages",
    "/conversations/{conversation}/participations",
    "/conversations/{conversation}/export",
    "/delegations/{delegation}",
    "/responses/{response}",
    "/syntheses/{synthesis}",
    "/allocations/{allocation}",
)


@pytest.fixture
def belongings(api: Api) -> dict[str, int]:
    """What Mira has, by its noun."""
    mira, path = api.mira.client, "/agents/quality_assurance/configuration"
    values = {"gpu_assignment": 0, "allocated_memory_mb": 600, "assigned_llm": "tiny"}
    assert mira.edit("PATCH", path, values, mira.send("GET", path).etag).status == 200
    found = {noun: mira.get(f"/{nouns}")["items"][0]["id"] for noun, nouns in PLURALS.items()}
    return found | {"conversation": api.mira.conversation_id}


PLURALS = {
    "conversation": "conversations",
    "delegation": "delegations",
    "response": "responses",
    "synthesis": "syntheses",
    "allocation": "allocations",
}


def test_another_users_things_answer_as_unknown_ones(api: Api, belongings: dict[str, int]) -> None:
    paths = [path.format(**belongings) for path in OWN]
    otto = api.otto.client
    mine = [api.mira.client.send("GET", path) for path in paths]
    assert [answer.status for answer in mine] == [200] * len(paths)
    foreign = [otto.send("GET", path) for path in paths]
    foreign.append(otto.send("DELETE", paths[0]))
    listed = [
        otto.send("GET", f"/{nouns}", **filters(belongings)) for nouns in ("delegations", "responses", "syntheses")
    ]
    assert api.mira.client.send("GET", paths[0]).status == 200
    _remove_all_of_mira(api)
    unknown = [otto.send("GET", path) for path in paths]
    unknown.append(otto.send("DELETE", paths[0]))
    listed_then = [
        otto.send("GET", f"/{nouns}", **filters(belongings)) for nouns in ("delegations", "responses", "syntheses")
    ]
    assert [answer.status for answer in foreign] == [404] * len(foreign)
    assert [answer.body for answer in foreign] == [answer.body for answer in unknown]
    assert [answer.body for answer in listed] == [answer.body for answer in listed_then]


def filters(belongings: dict[str, int]) -> dict[str, int]:
    """A query for what belongs to Mira's conversation."""
    return {"conversation_id": belongings["conversation"]}


def _remove_all_of_mira(api: Api) -> None:
    with api.database.session(api.mira.principal) as session:
        for table in ("multi_agent_conversations", "gpu_allocations"):
            session.execute(text(f"DELETE FROM {table}"))
        session.commit()
