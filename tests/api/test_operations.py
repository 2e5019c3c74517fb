"""What is really there: as the description says for its owner, and unknown to anybody else, whatever the operation."""

import re
from datetime import UTC, datetime
from typing import Any

import schemathesis
from schemathesis.core.result import Ok

from helios_core.api import constraints, model_servers, rules
from helios_core.database.session import SYSTEM
from helios_core.models import GPUEvent
from tests.api.conftest import Api, Person
from tests.api.description import DESCRIPTION


def test_what_is_really_there_is_as_described(api: Api) -> None:
    belongings = belongings_of(api.olga) | {"user_id": api.mira.principal.user_id}
    for name, (nouns, values) in EXAMPLES.items():
        belongings[name] = api.olga.client.send("POST", nouns, values).json["id"]
    belongings["key"] = reported(api)
    move = {"agents": [{"agent": "quality_assurance", "gpu": 1}]}
    belongings["plan_id"] = api.olga.client.send("POST", "/plans", move).json["id"]
    schema = schemathesis.openapi.from_dict(DESCRIPTION)
    found = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    operations = [operation for operation in found if operation.method == "get"]
    assert len(operations) > 25
    for operation in operations:
        names = [parameter.name for parameter in operation.path_parameters]
        case = operation.Case(path_parameters={name: belongings[name] for name in names})
        answer = case.call_and_validate(
            base_url=f"http://127.0.0.1:{api.port}/api", headers={"Authorization": f"Bearer {api.olga.client.key}"}
        )
        assert answer.status_code == 200, operation.label


def reported(api: Api) -> str:
    """The key of an alert."""
    with api.database.session(SYSTEM) as session:
        event = GPUEvent(gpu_id=0, severity="warning", message="88 °C", occurred_at=datetime.now(UTC))
        session.add(event)
        session.commit()
        return f"card-{event.id}"


def test_every_operation_on_another_users_thing_answers_as_on_an_unknown_one(api: Api) -> None:
    belongings, unknown = belongings_of(api.mira), 987_654_321
    compared = 0
    for template, method in ((path, method) for path, methods in DESCRIPTION["paths"].items() for method in methods):
        owned = [name for name in re.findall(r"{(\w+)}", template) if name in OWNED]
        if owned:
            foreign_path = template.format(**belongings)
            unknown_path = template.format(**dict.fromkeys(belongings, unknown))
            foreign = api.otto.client.send(method.upper(), foreign_path)
            other = api.otto.client.send(method.upper(), unknown_path)
            its_id = str(belongings[owned[0]]).encode()
            assert foreign.status == other.status == 404, (method, template)
            assert foreign.body.replace(b" " + its_id, b" ?") == other.body.replace(b" 987654321", b" ?")
            compared += 1
    assert compared >= 9


EXAMPLES = {
    "rule_id": ("/rules", rules.EXAMPLE),
    "constraint_id": ("/constraints", constraints.EXAMPLE),
    "model_server_id": ("/model-servers", model_servers.EXAMPLE),
}
OWNED = {
    "conversation_id": "conversations",
    "delegation_id": "delegations",
    "response_id": "responses",
    "synthesis_id": "syntheses",
    "allocation_id": "allocations",
    "decision_id": "decisions",
}
"""The parameters that name a user's own things, and the lists that have them."""


def belongings_of(person: Person) -> dict[str, Any]:
    """A value for every parameter of a path: something of the person's own."""
    path = "/agents/quality_assurance/configuration"
    # Each asks for another model: where the default's would do, nothing is promised to a user.
    promised = {"gpu_assignment": 0, "allocated_memory_mb": 600, "assigned_llm": person.principal.role}
    assert person.client.edit("PATCH", path, promised, person.client.send("GET", path).etag).status == 200
    assert person.client.send("POST", "/placement/agents/quality_assurance", {"gpu_id": 0}).status == 200
    found = {name: person.client.get(f"/{nouns}")["items"][0]["id"] for name, nouns in OWNED.items()}
    found["conversation_id"] = person.conversation_id
    return found | {"agent_id": "technical_expert", "gpu_id": 0, "version": 1}
