"""The operator of this machine, and who else there is."""

import getpass

import pytest
from sqlalchemy import update

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import NotAllowed, NotFound
from helios_core.models import User
from helios_core.services.users import ensure_local_operator, find_user, list_users
from helios_core.services.workspace import Workspace


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
