"""The audit, page by page, as operators and members read it."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import AgentConfiguration, AuditEvent
from helios_core.services.agents import save_configuration
from helios_core.services.audit import record
from helios_core.services.team import ensure_default_team
from helios_core.services.workspace import Workspace
from helios_core.views.audit import AuditFilter, Change, agent_changes, list_changes
from helios_core.views.paging import Cursor


@pytest.fixture
def events(workspace: Workspace, database: Database, member: Principal) -> list[int]:
    """Five changes of one card by the operator in one transaction, one of a rule by Helios, one of the member's own."""

    def change_card(session: Session) -> None:
        for watts in range(5):
            record(
                session, "changed", "gpu_resources", 0,
                before={"name": "TITAN", "watts": watts}, after={"name": "TITAN", "watts": watts + 1}, reason="cooler",
            )  # fmt: skip

    def change_rule(session: Session) -> None:
        record(session, "removed", "load_balancing_rules", 7, before={"name": "pack"}, after=None, by_helios=True)

    def change_own(session: Session) -> None:
        after = {"agent_id": "tester"}
        record(session, "added", "agent_configurations", 1, before=None, after=after, owner_id=member.user_id)

    workspace.act(change_card)
    workspace.act(change_rule)
    workspace.on_behalf_of(member).act(change_own)
    with database.session(SYSTEM) as session:
        return [event.id for event in session.query(AuditEvent).order_by(AuditEvent.id.desc())]


def page_by_page(workspace: Workspace, wanted: AuditFilter, limit: int) -> list[Change]:
    """All entries, read in pages of `limit`."""
    found: list[Change] = []
    older: Cursor | None = None
    while True:
        page = workspace.read(lambda session, older=older: list_changes(session, wanted, older, limit))  # type: ignore[misc]
        found += page.rows
        older = page.older
        if older is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 7, 50])
def test_pages_of_any_size_hold_every_change_once_the_newest_first(
    workspace: Workspace, events: list[int], limit: int
) -> None:
    assert [entry.id for entry in page_by_page(workspace, AuditFilter(), limit)] == events


def test_changes_are_found_by_subject_actor_and_time(
    workspace: Workspace, events: list[int], member: Principal
) -> None:
    everything = page_by_page(workspace, AuditFilter(), 50)
    card = AuditFilter(subject="gpu_resources", subject_id="0")
    assert [entry.id for entry in page_by_page(workspace, card, 2)] == events[2:]
    assert [entry.id for entry in page_by_page(workspace, AuditFilter(actor_id=member.user_id), 2)] == events[:1]
    rule = next(entry for entry in everything if entry.subject == "load_balancing_rules")
    since = AuditFilter(since=rule.occurred_at)
    assert [entry.id for entry in page_by_page(workspace, since, 2)] == events[:2]
    until = AuditFilter(since=rule.occurred_at, until=rule.occurred_at + timedelta(microseconds=1))
    assert [entry.id for entry in page_by_page(workspace, until, 2)] == events[1:2]


def test_an_entry_says_who_what_and_why(workspace: Workspace, events: list[int]) -> None:
    own, rule, card = page_by_page(workspace, AuditFilter(), 50)[:3]
    assert len(events) == 7
    assert (own.actor, own.name, own.before) == ("mira", "tester", None)
    assert (rule.actor, rule.name, rule.after) == ("Helios", "pack", None)
    assert (card.actor, card.name, card.reason, card.after) == (
        "olga",
        "TITAN",
        "cooler",
        {"name": "TITAN", "watts": 5},
    )


def test_a_member_reads_what_concerns_them(
    workspace: Workspace, events: list[int], member: Principal, other_member: Principal
) -> None:
    found = page_by_page(workspace.on_behalf_of(member), AuditFilter(), 1)
    assert [(entry.id, entry.actor) for entry in found] == [(events[0], "mira")]
    assert page_by_page(workspace.on_behalf_of(other_member), AuditFilter(actor_id=member.user_id), 1) == []


def test_of_an_agent_the_changes_of_its_configurations_and_promises_are_found(
    workspace: Workspace, member: Principal
) -> None:
    def edit(session: Session) -> None:
        version = session.scalars(
            select(AgentConfiguration.version).where(AgentConfiguration.agent_id == "data_analyst")
        )
        save_configuration(session, "data_analyst", {"timeout_seconds": 77}, version.one(), "slower")

    workspace.act(ensure_default_team)
    workspace.act(edit)
    newest, first = workspace.read(lambda session: agent_changes(session, "data_analyst")).rows
    assert (newest.reason, newest.after) == (
        "slower",
        {"agent_id": "data_analyst", "timeout_seconds": 77, "version": 2},
    )
    assert (first.action, first.name) == ("added", "data_analyst")
    page = workspace.read(lambda session: agent_changes(session, "data_analyst", None, 1))
    assert page.rows == (newest,)
    assert workspace.read(lambda session: agent_changes(session, "data_analyst", page.older, 1)).rows == (first,)
    assert workspace.read(lambda session: agent_changes(session, "nobody")).rows == ()
    assert workspace.on_behalf_of(member).read(lambda session: agent_changes(session, "data_analyst")).rows == ()
