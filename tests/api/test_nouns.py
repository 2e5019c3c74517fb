"""Each noun as a program reads and edits it, over real HTTP."""

from datetime import UTC, datetime, timedelta

from helios_core.database.session import SYSTEM
from helios_core.models import GPUEvent, GPUSample
from helios_core.services.keys import Scope
from tests.api.conftest import Api


def test_me_says_whose_key_it_is_and_how_far_it_goes(api: Api) -> None:
    me = api.mira.client.get("/me")
    assert (me["username"], me["role"], me["scopes"]) == ("mira", "user", ["read", "write", "admin"])
    assert api.key_of(api.mira, Scope.READ).get("/me")["scopes"] == ["read"]


def test_agents_are_listed_and_found_one_by_one(api: Api) -> None:
    agents = api.mira.client.get("/agents")["items"]
    assert len(agents) == 12
    assert api.mira.client.get("/agents/technical_expert") == next(
        agent for agent in agents if agent["agent_id"] == "technical_expert"
    )
    performance = api.mira.client.get("/agents/technical_expert/performance")
    assert (performance["delegations"], performance["quality_score_mean"]) == ({"completed": 1}, None)


def test_an_agent_is_added_for_all_users(api: Api) -> None:
    agent = {
        "agent_id": "legal_expert",
        "display_name": "Legal Expert",
        "capabilities": ["contracts"],
        "configuration": {"model_provider": "ollama", "assigned_llm": "tiny", "system_prompt": "Be careful."},
    }
    added = api.olga.client.send("POST", "/agents", agent)
    assert (added.status, added.headers["location"]) == (201, "agents/legal_expert")
    assert api.mira.client.get("/agents/legal_expert")["capabilities"] == ["contracts"]
    assert api.olga.client.send("POST", "/agents", agent).status == 409


def test_a_configuration_is_edited_rolled_back_and_returned_to_the_default(api: Api) -> None:
    path, mira = "/agents/data_analyst/configuration", api.mira.client
    seen = mira.send("GET", path)
    saved = mira.edit("PATCH", path, {"priority": 9}, seen.etag, reason="it is urgent")
    assert saved.status == 200
    assert saved.json["changes"] == [{"field": "priority", "title": "Priority", "before": 7, "after": 9}]
    newest, *_ = mira.get("/agents/data_analyst/versions")["items"]
    assert (newest["reason"], newest["is_live"], newest["saved_by"]) == ("it is urgent", True, "you")
    again = mira.edit("PATCH", path, {"priority": 2}, saved.etag)
    back = mira.edit("POST", f"/agents/data_analyst/versions/{newest['version']}/roll-back", None, again.etag)
    assert back.json["version"] == again.json["version"] + 1
    assert mira.get(path)["values"]["priority"] == 9
    assert api.otto.client.get(path)["values"]["priority"] == 7
    assert mira.edit("DELETE", path, None, back.etag).status == 204
    assert mira.get(path)["is_own"] is False


def test_cards_are_read_with_their_history_and_decided_about(api: Api) -> None:
    now = datetime.now(UTC)
    with api.database.session(api.olga.principal) as session:
        session.add(
            GPUSample(gpu_id=0, sampled_at=now - timedelta(seconds=30), utilization_percent=63, power_watts=200)
        )
        session.commit()
    cards = api.mira.client.get("/gpus")["items"]
    assert [(card["id"], card["total_memory_mib"]) for card in cards] == [(0, 12212), (1, 12212)]
    history = api.mira.client.get("/gpus/0/history", start=(now - timedelta(minutes=5)).isoformat())
    assert [value for value in history["lines"]["utilization_percent"] if value is not None] == [63]
    assert len(history["lines"]["memory_used_mib"]) <= 600
    assert api.mira.client.get("/gpus/0/processes") == {"items": [], "next": None}
    seen = api.olga.client.send("GET", "/gpus/1")
    saved = api.olga.client.edit("PATCH", "/gpus/1", {"reserved_memory_mb": 512}, seen.etag)
    assert saved.json["reserved_memory_mib"] == 512
    assert api.olga.client.send("GET", "/gpus/1").etag == saved.etag != seen.etag


def test_allocations_follow_the_configuration(api: Api) -> None:
    mira, path = api.mira.client, "/agents/quality_assurance/configuration"
    values = {"gpu_assignment": 0, "allocated_memory_mb": 600, "assigned_llm": "tiny"}
    saved = mira.edit("PATCH", path, values, mira.send("GET", path).etag)
    [allocation] = mira.get("/allocations", agent_id="quality_assurance", is_live=True)["items"]
    assert (allocation["gpu_id"], allocation["allocated_mib"], allocation["is_of_default"]) == (0, 600, False)
    mira.edit("PATCH", path, {"is_enabled": False}, saved.etag)
    ended = mira.get(f"/allocations/{allocation['id']}")
    assert (ended["release_reason"], ended["released_at"] is not None) == ("agent switched off", True)
    assert mira.get("/allocations", gpu_id=1)["items"] == []


def test_a_rule_is_added_changed_and_deleted(api: Api) -> None:
    values = {"name": "nights", "strategy": "pack", "conditions": {"hours": {"begin": "22:00", "end": "06:00"}}}
    added = api.olga.client.send("POST", "/rules", values, reason="cooler")
    assert (added.status, added.json["is_in_force"]) == (201, True)
    path = f"/{added.headers['location']}"
    assert api.mira.client.send("GET", path).etag == added.etag
    changed = api.olga.client.edit("PATCH", path, {"is_active": False}, added.etag)
    assert (changed.status, changed.json["is_in_force"]) == (200, False)
    assert [rule["name"] for rule in api.mira.client.get("/rules")["items"]] == ["nights"]
    assert api.olga.client.edit("DELETE", path, None, changed.etag).status == 204
    assert api.olga.client.send("GET", path).status == 404


def test_a_constraint_is_added_changed_and_deleted(api: Api) -> None:
    values = {"model_provider": "ollama", "model_name": "qwen2.5:14b", "min_memory_mb": 9000}
    added = api.olga.client.send("POST", "/constraints", values)
    assert added.status == 201
    path = f"/{added.headers['location']}"
    changed = api.olga.client.edit("PATCH", path, {"max_agents_per_gpu": 2}, added.etag)
    assert (changed.json["max_agents_per_gpu"], changed.json["min_memory_mb"]) == (2, 9000)
    assert [one["model_name"] for one in api.mira.client.get("/constraints")["items"]] == ["qwen2.5:14b"]
    assert api.olga.client.edit("DELETE", path, None, changed.etag).status == 204


def test_a_conversation_is_read_with_all_that_belongs_to_it(api: Api) -> None:
    mira, number = api.mira.client, api.mira.conversation_id
    [listed] = mira.get("/conversations", words="nightly", state="completed")["items"]
    assert (listed["id"], listed["duration_seconds"], listed["tokens"]) == (number, 160, 2600)
    found = mira.get(f"/conversations/{number}")
    assert [phase["phase"] for phase in found["phases"]] == ["planning", "processing"]
    assert found["figures"]["agreement"] == 0.72
    assert len(mira.get(f"/conversations/{number}/messages")["items"]) == 5
    people = mira.get(f"/conversations/{number}/participations")["items"]
    assert [person["agent_id"] for person in people] == ["project_manager", "technical_expert", "data_analyst"]
    [synthesis] = mira.get("/syntheses", conversation_id=number)["items"]
    assert mira.get(f"/syntheses/{synthesis['id']}")["effective_votes"] == 1.4
    assert mira.get("/conversations", words="unheard")["items"] == []


def test_delegations_are_read_with_their_attempts_and_responses(api: Api) -> None:
    mira, number = api.mira.client, api.mira.conversation_id
    assert len(mira.get("/delegations", conversation_id=number)["items"]) == 3
    [failed] = mira.get("/delegations", status="failed")["items"]
    found = mira.get(f"/delegations/{failed['id']}")
    assert [attempt["status"] for attempt in found["attempts"]] == ["failed", "completed"]
    [response] = mira.get("/responses", delegation_id=found["attempts"][1]["id"])["items"]
    assert response["measured"] == {"queue": 0, "load": 10, "prefill": 5, "decode": 20, "tool": None}
    assert mira.get(f"/responses/{response['id']}") == response


def test_a_conversation_is_taken_in_once_given_out_and_removed(api: Api) -> None:
    otto = api.otto.client
    question = {"speaker": "user", "kind": "question", "content": "What now?"}
    file = {
        "format": "helios-conversation/1",
        "title": "New",
        "outcome": "completed",
        "participants": [],
        "messages": [question],
    }
    added = otto.send("POST", "/conversations", file, name="new.json")
    assert (added.status, added.json["is_new"]) == (201, True)
    assert otto.send("POST", "/conversations", file).status == 200
    path = f"/{added.headers['location']}"
    assert otto.get(path)["source_name"] == "new.json"
    exported = otto.send("GET", f"{path}/export")
    assert "attachment" in exported.headers["content-disposition"]
    assert otto.send("DELETE", path).status == 204
    assert otto.send("GET", path).status == 404
    again = otto.send("POST", "/conversations", exported.body)
    assert otto.get(f"/{again.headers['location']}/messages")["items"][0]["content"] == "What now?"


def test_users_are_added_and_changed_by_admins(api: Api) -> None:
    added = api.olga.client.send("POST", "/users", {"username": "vera", "role": "viewer"})
    assert added.status == 201
    path = f"/{added.headers['location']}"
    changed = api.olga.client.edit("PATCH", path, {"role": "user", "is_active": False}, added.etag)
    assert (changed.json["role"], changed.json["is_active"]) == ("user", False)
    assert "vera" in [user["username"] for user in api.olga.client.get("/users")["items"]]
    assert api.olga.client.edit("PATCH", path, {"is_active": True}, added.etag).status == 412


def test_the_audit_says_who_changed_what_and_why(api: Api) -> None:
    values = {"name": "audited", "strategy": "spread"}
    added = api.olga.client.send("POST", "/rules", values, reason="to be seen")
    [change] = api.olga.client.get("/audit", subject="load_balancing_rules", subject_id=added.json["id"])["items"]
    assert (change["actor"], change["action"], change["reason"]) == ("olga", "added", "to be seen")
    assert change["before"] is None
    assert api.mira.client.send("GET", "/audit").status == 403


def test_the_team_is_asked(api: Api) -> None:
    mira = api.mira.client
    asked = {"question": "Why do we pay for idle cards?", "agent_ids": None, "priority": 3}
    started = mira.send("POST", "/conversations/ask", asked)
    assert started.status == 201
    found = mira.get(f"/conversations/{started.json['conversation_id']}")
    assert (found["title"], found["source"], found["outcome"]) == (asked["question"], "live", None)
    assert mira.send("POST", "/conversations/ask", asked | {"priority": 9}).status == 403
    assert mira.send("POST", "/conversations/ask", asked | {"priority": 11}).status == 422
    assert mira.send("POST", "/conversations/ask", asked | {"agent_ids": ["nobody"]}).status == 422


def test_a_model_server_is_allowed_switched_on_and_forgotten_and_its_key_never_shown(api: Api) -> None:
    olga, secret = api.olga.client, "sk-canary-0123456789abcdef0123456789abcdef"
    values = {"provider": "openai", "name": "vLLM", "address": "http://127.0.0.1:9/v1", "is_enabled": False}
    added = olga.send("POST", "/model-servers", values | {"key_source": "database", "key": secret})
    assert (added.status, added.json["key_ends_with"]) == (201, "cdef")
    path = f"/{added.headers['location']}"
    enabled = olga.edit("PATCH", path, {"is_enabled": True}, added.etag)
    assert (enabled.status, enabled.json["is_enabled"]) == (200, True)
    assert olga.edit("PATCH", path, {"is_enabled": False}, added.etag).status == 412
    moved = olga.edit("PATCH", path, {"address": "http://127.0.0.1:8/v1"}, enabled.etag)
    assert (moved.status, "Give the key again" in str(moved.json)) == (422, True)
    listed = api.mira.client.send("GET", "/model-servers")
    assert [server["name"] for server in listed.json["items"]] == ["vLLM"]
    assert all(secret not in str(answer.body) for answer in (added, enabled, moved, listed))
    assert olga.edit("DELETE", path, None, enabled.etag).status == 204
    assert olga.send("GET", path).status == 404


def test_only_operators_say_which_model_servers_are_asked(api: Api) -> None:
    values = {"provider": "ollama", "name": "Mine", "address": "http://127.0.0.1:9"}
    assert api.mira.client.send("POST", "/model-servers", values).status == 403
    assert api.key_of(api.olga, Scope.WRITE).send("POST", "/model-servers", values).status == 403
    assert api.olga.client.send("POST", "/model-servers", values | {"key": 7}).status == 422


def test_an_alert_is_acknowledged_and_that_taken_back(api: Api) -> None:
    with api.database.session(SYSTEM) as session:
        event = GPUEvent(gpu_id=0, severity="critical", message="It does not answer.", occurred_at=datetime.now(UTC))
        session.add(event)
        session.commit()
        path = f"/alerts/card-{event.id}"
    seen = api.olga.client.send("PUT", f"{path}/acknowledgement", {"note": "cable was loose"})
    assert (seen.status, seen.json["acknowledgements"][0]["note"]) == (200, "cable was loose")
    [listed] = api.olga.client.get("/alerts", severity="critical")["items"]
    assert listed["acknowledgements"][0]["by"] == "olga"
    assert api.mira.client.get(path)["acknowledgements"] == []
    assert api.olga.client.send("DELETE", f"{path}/acknowledgement").status == 204
    assert api.olga.client.send("DELETE", f"{path}/acknowledgement").status == 404
