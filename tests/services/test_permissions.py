"""The table of who may do what, cell by cell, through the services themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal, Role
from helios_core.errors import NotAllowed
from helios_core.models import Base, GPUEvent, GPUResource, MultiAgentConversation, TaskSynthesis
from helios_core.services import (
    activation,
    agents,
    alerts,
    chat_sessions,
    constraints,
    conversations,
    gpus,
    keys,
    leases,
    permissions,
    plans,
    profiles,
    providers,
    quotas,
    retention,
    rules,
    runs,
    scores,
    users,
)
from helios_core.services.permissions import ALLOWED, Action
from helios_core.services.records import ConversationRecord
from helios_core.services.whatif import WhatIfDraft
from tests.conftest import add_user

SERVICES = Path(permissions.__file__).parent
OPERATIONS = SERVICES.parents[1] / "docs/operations.md"
NOW = datetime.now(UTC)
CONFIGURATION = {"model_provider": "ollama", "assigned_llm": "llama3.1:8b", "system_prompt": "You test."}
RULE = {"name": "cool first", "strategy": "thermal_headroom"}
CONSTRAINT = {"model_provider": "ollama", "model_name": "llama3.1:8b", "min_memory_mb": 6000}
MODEL_SERVER = {"provider": "ollama", "name": "Ollama", "address": "http://127.0.0.1:11434"}
RECORD = ConversationRecord(title="New", outcome="completed", participants=(), messages=())
EXPIRED = retention.Expired("conversations", 30, NOW - timedelta(days=30), 1, None, 0)


@dataclass(frozen=True, slots=True)
class Scene:
    """Something of everything that a user may want to change."""

    principal: Principal
    gpu_id: int
    conversation_id: int
    synthesis_id: int
    event_id: int


def scene_for(database: Database, role: Role) -> Scene:
    """A user of this role, an agent, a card, and an old conversation of the user's that is a sample."""
    principal = add_user(database, f"the {role}", role)
    with database.session(SYSTEM) as session:
        card = GPUResource(uuid=f"GPU-{role}", name="TITAN", host="here", total_memory_mb=12212)
        old = MultiAgentConversation(
            user_id=principal.user_id,
            title="Old",
            outcome="completed",
            source="sample",
            created_at=NOW - timedelta(days=90),
        )
        session.add_all([card, old])
        session.flush()
        synthesis = TaskSynthesis(
            user_id=principal.user_id, conversation_id=old.id, synthesizer_agent_id="project_manager", content="So."
        )
        session.add(synthesis)
        session.flush()
        event = GPUEvent(gpu_id=card.id, severity="warning", message="It is hot.", occurred_at=NOW)
        session.add(event)
        session.flush()
        if role == "admin":
            agents.create_agent(session, "tester", "Tester", CONFIGURATION)
        session.commit()
        return Scene(principal, card.id, old.id, synthesis.id, event.id)


DOERS: dict[Action, Callable[[Session, Scene], object]] = {
    Action.EDIT_CONFIGURATIONS: lambda s, _: agents.save_configuration(s, "tester", {"priority": 9}, 1),
    Action.ADD_AGENTS: lambda s, _: agents.create_agent(s, "another", "Another", CONFIGURATION),
    Action.IMPORT_CONVERSATIONS: lambda s, _: conversations.import_conversation(
        s, RECORD, source="import", source_name="new.json", digest="d"
    ),
    Action.WORK_IN_CONVERSATIONS: lambda s, scene: chat_sessions.attach_conversation(s, scene.conversation_id),
    Action.PUT_FIRST: lambda s, _: runs.start_conversation(s, "Is it safe?", priority=6),
    Action.ACKNOWLEDGE_ALERTS: lambda s, scene: alerts.acknowledge_alert(s, f"card-{scene.event_id}"),
    Action.RATE_ANSWERS: lambda s, scene: scores.rate(s, scores.Subject("synthesis", scene.synthesis_id), 4),
    Action.REMOVE_CONVERSATIONS: lambda s, scene: conversations.remove_conversation(s, scene.conversation_id),
    Action.REMOVE_SAMPLES: lambda s, _: conversations.remove_samples(s),
    Action.EDIT_PROFILE: lambda s, _: profiles.save_profile(s, "Somebody", "Europe/Berlin"),
    Action.KEEP_KEYS: lambda s, _: keys.create_key(s, "grafana", keys.Scope.READ, 30),
    Action.EDIT_CARDS: lambda s, scene: gpus.edit_card(s, scene.gpu_id, {"is_enabled": False}, {}),
    Action.EDIT_RULES: lambda s, _: rules.create_rule(s, RULE),
    Action.EDIT_CONSTRAINTS: lambda s, _: constraints.create_constraint(s, CONSTRAINT),
    Action.MOVE_AGENTS: lambda s, scene: plans.draft_plan(
        s, WhatIfDraft({agents.edited_configuration(s, "tester").id: scene.gpu_id})
    ),
    Action.EDIT_QUOTAS: lambda s, _: quotas.set_quota(s, None, 8192),
    Action.TAKE_LEASES: lambda s, _: leases.take_lease(s, "experiment", 1000, "desk:7", 60),
    Action.EDIT_ACTIVATION: lambda s, _: activation.set_rollout(s, 50),
    Action.EDIT_RETENTION: lambda s, _: retention.keep(s, "gpu_events", 30),
    Action.DELETE_EXPIRED: lambda s, _: retention.delete_batch(s, EXPIRED),
    Action.EDIT_PROVIDERS: lambda s, _: providers.create_endpoint(s, MODEL_SERVER),
    Action.EDIT_USERS: lambda s, _: users.create_user(s, "newcomer"),
}


def fingerprint(session: Session) -> dict[str, str | None]:
    """What every table holds, as the transaction of `session` would leave it."""
    role = session.scalar(select(func.current_setting("helios.role")))
    session.execute(select(func.set_config("helios.role", "operator", True)))
    found = {
        table: session.scalar(text(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"))
        for table in Base.metadata.tables
    }
    session.execute(select(func.set_config("helios.role", role, True)))
    return found


def test_each_role_does_what_the_table_allows_and_nothing_else(database: Database) -> None:
    scenes = {role: scene_for(database, role) for role in get_args(Role)}
    cells = [(action, role) for action in Action for role in scenes]
    seen = {(action, role): outcome(database, scenes[role], DOERS[action]) for action, role in cells}
    assert seen == {(action, role): "done" if role in ALLOWED[action] else "refused" for action, role in cells}


def outcome(database: Database, scene: Scene, act: Callable[[Session, Scene], object]) -> str:
    """What became of an act: "done" changed something, "refused" nothing. Either way it is taken back."""
    with database.session(scene.principal) as session:
        before = fingerprint(session)
        try:
            act(session, scene)
        except NotAllowed:
            return "refused" if fingerprint(session) == before else "half done"
        return "done" if fingerprint(session) != before else "nothing"


def test_every_action_is_asked_for_by_a_service() -> None:
    sources = "".join(path.read_text("utf-8") for path in SERVICES.glob("*.py") if path.name != "permissions.py")
    assert [action.name for action in Action if f"Action.{action.name}" not in sources] == []


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        ("viewer", "Viewers may not edit configurations; ask an operator."),
        ("operator", "Operators may not add users or change what they may do; ask an admin."),
    ],
)
def test_a_refusal_says_whom_to_ask(database: Database, role: Role, sentence: str) -> None:
    action = Action.EDIT_CONFIGURATIONS if role == "viewer" else Action.EDIT_USERS
    with database.session(Principal(None, role)) as session, pytest.raises(NotAllowed) as refused:
        permissions.require(session, action)
    assert str(refused.value) == sentence


def test_the_documentation_shows_the_table_as_it_is() -> None:
    rows = [
        line.strip("| ").split(" | ") for line in OPERATIONS.read_text("utf-8").splitlines() if line.startswith("|")
    ]
    shown = {row[0]: row[1:] for row in rows}
    assert {action: shown[action] for action in Action} == {
        action: ["yes" if role in ALLOWED[action] else "no" for role in get_args(Role)] for action in Action
    }
