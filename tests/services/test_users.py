"""The operator of this machine, and who else there is."""

import getpass
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import select, update

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DuplicateEntry, EditConflict, HeliosError, InvalidInput, NotAllowed, NotFound, Refused
from helios_core.models import AuditEvent, User
from helios_core.services.users import (
    change_role,
    create_user,
    ensure_local_operator,
    find_user,
    list_users,
    set_active,
)
from helios_core.services.workspace import Workspace
from tests.conftest import add_user


@pytest.fixture
def system(database: Database) -> Workspace:
    """Helios itself, as `helios up` starts it."""
    return Workspace(database, SYSTEM)


def test_the_local_operator_is_made_once_and_is_an_admin(system: Workspace) -> None:
    first, second = system.act(ensure_local_operator), system.act(ensure_local_operator)
    assert first == second
    assert first.role == "admin"
    assert [user.username for user in system.read(list_users)] == [getpass.getuser()]


def test_an_account_that_exists_keeps_its_role(system: Workspace) -> None:
    system.act(ensure_local_operator)
    system.act(lambda session: session.execute(update(User).values(role="operator")))
    assert system.act(ensure_local_operator).role == "operator"


def test_an_account_that_is_switched_off_stays_off(system: Workspace) -> None:
    system.act(ensure_local_operator)
    system.act(lambda session: session.execute(update(User).values(is_active=False)))
    with pytest.raises(NotAllowed, match="switched off"):
        system.act(ensure_local_operator)


def test_users_see_themselves_only(workspace: Workspace, member: Principal, other_member: Principal) -> None:
    assert [user.username for user in workspace.on_behalf_of(member).read(list_users)] == ["mira"]
    assert [user.username for user in workspace.read(list_users)] == ["mira", "olga", "otto"]
    with pytest.raises(NotFound, match="no user otto"):
        workspace.on_behalf_of(member).read(lambda session: find_user(session, "otto"))
    assert other_member.user_id == workspace.read(lambda session: find_user(session, "otto")).id


def test_an_account_is_added_once_with_a_name_and_a_role_that_can_be(workspace: Workspace) -> None:
    workspace.act(lambda session: create_user(session, "nora", "viewer", email="nora@example.org"))
    assert [(user.username, user.role) for user in workspace.read(list_users)] == [
        ("nora", "viewer"),
        ("olga", "admin"),
    ]
    with pytest.raises(DuplicateEntry, match="a user nora already"):
        workspace.act(lambda session: create_user(session, "nora"))
    for username in ("", " nora", "no\nra", "n" * 101):
        with pytest.raises(InvalidInput, match="name has"):
            workspace.act(partial(create_user, username=username))
    with pytest.raises(InvalidInput, match="Choose one of admin"):
        workspace.act(lambda session: create_user(session, "piet", "root"))


def test_a_role_that_changes_leaves_who_why_before_and_after(workspace: Workspace, member: Principal) -> None:
    assert member.user_id is not None
    workspace.act(lambda session: change_role(session, member.user_id or 0, "viewer", "on leave"))
    event = workspace.read(lambda session: session.scalars(select(AuditEvent)).one())
    assert (event.actor_id, event.user_id, event.reason) == (workspace.principal.user_id, member.user_id, "on leave")
    assert (event.before, event.after) == (
        {"username": "mira", "role": "user"},
        {"username": "mira", "role": "viewer"},
    )


def test_the_last_admin_stays(workspace: Workspace, database: Database) -> None:
    me = workspace.principal.user_id or 0
    removals = [partial(change_role, user_id=me, role="operator"), partial(set_active, user_id=me, is_active=False)]
    for remove in removals:
        with pytest.raises(Refused, match="last active admin"):
            workspace.act(remove)
    add_user(database, "otis", "admin")
    workspace.act(removals[1])
    with pytest.raises(Refused, match="last active admin"):
        workspace.act(lambda session: change_role(session, find_user(session, "otis").id, "viewer"))


def test_of_two_admins_who_remove_each_other_one_stays(workspace: Workspace, database: Database) -> None:
    other = add_user(database, "otis", "admin")
    pairs = [(workspace, other.user_id), (workspace.on_behalf_of(other), workspace.principal.user_id)]

    def remove(pair: tuple[Workspace, int | None]) -> str:
        actor, user_id = pair
        try:
            actor.act(lambda session: set_active(session, user_id or 0, False))
        except HeliosError:
            return "refused"
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, pairs)) == ["refused", "removed"]


def test_nobody_overwrites_what_another_admin_saved_meanwhile(workspace: Workspace, member: Principal) -> None:
    user_id, seen = member.user_id or 0, {"role": "user", "is_active": True}
    workspace.act(lambda session: change_role(session, user_id, "viewer"))
    for save in (
        partial(change_role, user_id=user_id, role="operator", seen=seen),
        partial(set_active, user_id=user_id, is_active=False, seen=seen),
    ):
        with pytest.raises(EditConflict, match="changed the account mira"):
            workspace.act(save)
    workspace.act(partial(set_active, user_id=user_id, is_active=False, seen={"is_active": True}))
    found = workspace.read(lambda session: find_user(session, "mira"))
    assert (found.role, found.is_active) == ("viewer", False)
