"""Placement over the API: what is where, drafts, plans, decisions, leases and quotas."""

from tests.api.conftest import Api

TINY = {"assigned_llm": "tiny", "allocated_memory_mb": 600}


def test_agents_are_placed_moved_by_plans_and_put_back(api: Api) -> None:
    olga = api.olga.client
    path = "/agents/data_analyst/configuration"
    olga.edit("PATCH", path, {**TINY}, olga.send("GET", path).etag)
    placed = olga.send("POST", "/placement/agents/data_analyst", {"gpu_id": 0})
    assert (placed.status, placed.json["outcome"], placed.json["gpu_ids"]) == (200, "placed", [0])
    tried = olga.send("POST", "/placement/what-if", {"agents": [{"agent": "data_analyst", "gpu": 1}]})
    assert [(m["agent_id"], m["to_gpu_ids"]) for m in tried.json["moves"]] == [("data_analyst", [1])]
    plan = olga.send("POST", "/plans", {"title": "even", "agents": [{"agent": "data_analyst", "gpu": 1}]})
    assert (plan.status, plan.json["status"]) == (201, "draft")
    applied = olga.send("POST", f"/{plan.headers['location']}/apply")
    assert applied.json["status"] == "applied"
    assert api.mira.client.send("POST", f"/{plan.headers['location']}/undo").status == 403
    assert olga.send("POST", f"/{plan.headers['location']}/undo").json["status"] == "undone"
    assert olga.send("POST", f"/{plan.headers['location']}/undo").status == 409
    outcomes = [row["outcome"] for row in olga.get("/decisions", agent_id="data_analyst")["items"]]
    assert outcomes == ["moved", "moved", "placed"]
    cards = {card["gpu_id"]: card for card in api.mira.client.get("/placement")["cards"]}
    assert [agent["name"] for agent in cards[0]["agents"]] == ["Data Analyst"]
    assert olga.send("DELETE", "/placement/agents/data_analyst").json["outcome"] == "released"


def test_agents_on_several_cards_and_newcomers_are_placed_by_plans(api: Api) -> None:
    olga = api.olga.client
    constraint = {"model_provider": "ollama", "model_name": "wide", "allows_split": True}
    assert olga.send("POST", "/constraints", constraint).status == 201
    wide = {"model": "wide", "memory_mib": 1000, "agent": "Wide One", "gpu": [0, 1]}
    plan = olga.send("POST", "/plans", {"newcomers": [wide]})
    (move,) = plan.json["moves"]
    assert (move["agent_id"], move["agent_name"], move["is_new"]) == ("wide_one", "Wide One", True)
    assert (move["from_gpu_ids"], move["to_gpu_ids"]) == ([], [0, 1])
    assert olga.send("POST", f"/{plan.headers['location']}/apply").status == 200
    assert [olga.get("/agents/wide_one")[name] for name in ("gpu_id", "further_gpu_ids")] == [0, [1]]
    moved = olga.send("POST", "/placement/agents/wide_one", {"gpu_ids": [1]})
    assert (moved.json["outcome"], moved.json["from_gpu_ids"], moved.json["gpu_ids"]) == ("moved", [0, 1], [1])
    allocated = [row["gpu_id"] for row in olga.get("/allocations", agent_id="wide_one", is_live="true")["items"]]
    assert allocated == [1]
    undo = olga.send("POST", f"/{plan.headers['location']}/undo")
    assert (undo.status, undo.json["detail"]) == (
        409, "wide_one was saved since, as version 3 after 2; draft a new plan."
    )  # fmt: skip


def test_a_draft_that_cannot_be_is_a_problem_with_its_field(api: Api) -> None:
    olga = api.olga.client
    assert olga.send("POST", "/placement/what-if", {}).status == 422
    assert olga.send("POST", "/placement/what-if", {"agents": [{"agent": "nobody", "gpu": 0}]}).status == 404
    assert olga.send("POST", "/placement/agents/data_analyst", {"gpu_id": 99}).status == 422
    assert olga.send("POST", "/placement/capacity", {"model": "own", "memory_mib": 4000}).json["count"] >= 4


def test_leases_and_quotas_are_kept_apart_by_user(api: Api) -> None:
    olga, mira, otto = api.olga.client, api.mira.client, api.otto.client
    user_id = api.mira.principal.user_id or 0
    assert olga.send("PUT", "/quotas", {"max_memory_mib": 1000}, user_id=user_id).status == 204
    lease = {"agent_id": "experiment", "memory_mib": 900, "holder": "desk:7", "lease_seconds": 60}
    taken = mira.send("POST", "/leases", lease)
    assert (taken.status, taken.json["memory_mib"]) == (201, 900)
    assert mira.send("POST", "/leases", {**lease, "agent_id": "another"}).status == 409
    where = f"/{taken.headers['location']}"
    assert otto.send("POST", f"{where}/renew", holder="desk:7").status == 404
    assert mira.send("POST", f"{where}/renew", holder="desk:7").status == 200
    assert mira.send("DELETE", where, holder="desk:7").status == 204
    assert [row["username"] for row in mira.get("/quotas")["items"]] == ["mira"]
    assert otto.get("/quotas")["items"] == []
    assert olga.send("DELETE", "/quotas", user_id=user_id).status == 204
