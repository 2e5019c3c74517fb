"""The audit: complete, with the change or not at all, without secrets, and for ever."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import InvalidInput
from helios_core.models import AgentConfiguration, ApiKey, AuditEvent, GPUAllocation, GPUResource
from helios_core.services import agents
from helios_core.services.audit import record, recorded, without_secrets
from helios_core.services.workspace import Workspace

VALUES = {
    "model_provider": "ollama",
    "assigned_llm": "llama3.1:8b",
    "system_prompt": "You test.",
    "context_tokens": 8192,
}


@pytest.fixture
def tester(workspace: Workspace) -> str:
    """An agent that anybody may try things on."""
    workspace.act(lambda session: agents.create_agent(session, "tester", "Tester", VALUES))
    return "tester"


@pytest.fixture
def card(database: Database) -> int:
    """A card of 12,212 MiB."""
    with database.session(SYSTEM) as session:
        card = GPUResource(uuid="GPU-0", name="TITAN", host="here", total_memory_mb=12212)
        session.add(card)
        session.commit()
        return card.id


def events(workspace: Workspace, subject: str | None = None) -> Sequence[AuditEvent]:
    """Every event that the workspace's user may read, the first first."""
    query = select(AuditEvent).order_by(AuditEvent.id)
    if subject is not None:
        query = query.where(AuditEvent.subject == subject)
    return workspace.read(lambda session: session.scalars(query).all())


def told(event: AuditEvent) -> tuple[str, Any, Any]:
    return event.action, event.before, event.after


def test_a_save_leaves_who_when_why_before_and_after(workspace: Workspace, tester: str) -> None:
    workspace.act(lambda session: agents.save_configuration(session, tester, {"priority": 9}, 1, "  more of it "))
    added, changed = events(workspace)
    assert (added.action, added.before) == ("added", None)
    assert added.after is not None
    assert added.after["assigned_llm"] == "llama3.1:8b"
    assert (changed.subject, changed.actor_id, changed.reason) == (
        "agent_configurations",
        workspace.principal.user_id,
        "more of it",
    )
    assert told(changed) == (
        "changed",
        {"agent_id": "tester", "priority": 5, "version": 1},
        {"agent_id": "tester", "priority": 9, "version": 2},
    )
    assert changed.occurred_at > added.occurred_at


def test_promises_of_memory_leave_their_events(workspace: Workspace, tester: str, card: int) -> None:
    workspace.act(lambda session: agents.save_configuration(session, tester, {"gpu_assignment": card}, 1))
    workspace.act(lambda session: agents.create_agent(session, "second", "Second", {**VALUES, "gpu_assignment": card}))
    workspace.act(lambda session: agents.set_enabled(session, tester, False))
    found = events(workspace, GPUAllocation.__tablename__)
    assert [(event.action, event.reason) for event in found] == [
        ("promised", None),
        ("promised", None),
        ("released", "agent switched off"),
        ("changed", "another agent pays for the model's weights now"),
    ]
    assert (found[3].before, found[3].after) == (
        {"gpu_id": card, "agent_id": "second", "model_name": "llama3.1:8b", "allocated_memory_mb": 1025},
        {"gpu_id": card, "agent_id": "second", "model_name": "llama3.1:8b", "allocated_memory_mb": 6198},
    )


def test_what_was_refused_or_rolled_back_leaves_no_event(workspace: Workspace, tester: str) -> None:
    with pytest.raises(InvalidInput):
        workspace.act(lambda session: agents.save_configuration(session, tester, {"gpu_assignment": 7}, 1))
    workspace.read(lambda session: agents.save_configuration(session, tester, {"priority": 9}, 1))
    assert [event.action for event in events(workspace)] == ["added"]


CRASHING = """
import os, signal, sys
from pydantic import SecretStr
from helios_core.database.engine import connect
from helios_core.database.session import Database, Principal
from helios_core.services import agents
with Database(connect(SecretStr(sys.argv[1]))).session(Principal(int(sys.argv[2]), "admin")) as session:
    agents.save_configuration(session, "tester", {"priority": 9}, 1)
    if sys.argv[3] == "after":
        session.commit()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("when", "actions"), [("before", ["added"]), ("after", ["added", "changed"])])
@pytest.mark.usefixtures("tester")
def test_a_process_killed_around_its_commit_leaves_both_the_change_and_its_event_or_neither(
    urls: ServerUrls, workspace: Workspace, when: str, actions: list[str]
) -> None:
    arguments = [urls.application.get_secret_value(), str(workspace.principal.user_id), when]
    done = subprocess.run([sys.executable, "-c", CRASHING, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    version = workspace.read(lambda session: session.scalars(select(AgentConfiguration.version)).one())
    assert version == len(actions)
    assert [event.action for event in events(workspace)] == actions


def test_a_user_reads_what_concerns_them_and_nothing_else(
    workspace: Workspace, tester: str, member: Principal, other_member: Principal
) -> None:
    mine, theirs = workspace.on_behalf_of(member), workspace.on_behalf_of(other_member)
    mine.act(lambda session: agents.save_configuration(session, tester, {"priority": 9}, 1))
    assert [event.action for event in events(mine)] == ["changed"]
    assert list(events(theirs)) == []
    assert len(events(workspace)) == 2


@pytest.mark.usefixtures("tester")
def test_nobody_changes_or_deletes_an_event(workspace: Workspace, member: Principal) -> None:
    for principal in (workspace.principal, member, SYSTEM):
        with workspace.database.session(principal) as session:
            session.execute(update(AuditEvent).values(reason="another one"))
            session.execute(delete(AuditEvent))
            session.commit()
    assert [(event.action, event.reason) for event in events(workspace)] == [("added", "created")]
    with workspace.database.session(member) as session, pytest.raises(Exception, match="row-level security"):
        session.execute(text("INSERT INTO audit_events (action, subject, subject_id) VALUES ('a', 'b', '1')"))


def test_secrets_never_enter_however_deep(workspace: Workspace) -> None:
    canary = "CANARY-5f2b"
    key = ApiKey(name="grafana", key_id="Ab3dE6gH", secret_hash=canary, scopes=["read"])
    hidden = {"api_key": canary, "nested": [{"Authorization": canary, "hf_token": canary, "client_secret": canary}]}
    shown = {"context_tokens": 4096, "max_tokens": 1, "key_id": "Ab3dE6gH"}

    def keep(session: Session) -> None:
        with recorded(session, "added", key):
            session.add(key)
        record(session, "changed", "keys", 1, before={**shown, "limit": 1}, after={**shown, **hidden, "limit": 2})

    workspace.act(keep)
    found = [f"{event.before} {event.after}" for event in events(workspace)]
    assert canary not in "".join(found)
    assert "Ab3dE6gH" in found[0]
    assert without_secrets({**shown, **hidden}) == {**shown, "nested": [{}]}


def test_what_helios_does_by_itself_has_no_actor(workspace: Workspace) -> None:
    workspace.act(
        lambda session: record(session, "moved", "gpu_resources", 0, before={"a": 1}, after={"a": 2}, by_helios=True)
    )
    assert [event.actor_id for event in events(workspace)] == [None]


def test_nothing_changed_is_no_event(workspace: Workspace) -> None:
    workspace.act(lambda session: record(session, "changed", "gpu_resources", 0, before={"a": 1}, after={"a": 1}))
    assert list(events(workspace)) == []


def test_a_reason_has_an_end(workspace: Workspace) -> None:
    for reason in ("x" * 501, "nul \0"):
        with pytest.raises(InvalidInput, match="at most 500"):
            workspace.act(
                lambda session, reason=reason: record(  # type: ignore[misc]
                    session, "changed", "t", 0, before=None, after={}, reason=reason
                )
            )
