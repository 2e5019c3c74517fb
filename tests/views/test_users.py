"""Users with their activation, as operators and as they themselves see it."""

import pytest

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import NotAllowed, NotFound
from helios_core.models import User
from helios_core.services.activation import is_enabled_for, set_enabled_for, set_rollout
from helios_core.services.profiles import save_profile
from helios_core.services.users import change_role, create_user, set_active
from helios_core.services.workspace import Workspace
from helios_core.views.settings import list_users
from helios_core.views.users import find_account, list_accounts, own_role, rollout


def test_accounts_are_found_by_every_word_and_counted_beyond_the_limit(workspace: Workspace) -> None:
    for name, email in (("mira", "mira@example.org"), ("otto", None), ("100%", None)):
        workspace.act(lambda s, name=name, email=email: create_user(s, name, email=email))  # type: ignore[misc]
    assert [row.username for row in workspace.read(list_accounts).rows] == ["100%", "mira", "olga", "otto"]
    assert [row.username for row in workspace.read(lambda s: list_accounts(s, "MIR example")).rows] == ["mira"]
    assert [row.username for row in workspace.read(lambda s: list_accounts(s, "%")).rows] == ["100%"]
    first = workspace.read(lambda s: list_accounts(s, limit=1))
    assert (len(first.rows), first.total) == (1, 4)


def test_an_account_tells_whether_helios_is_enabled_for_it_and_why(workspace: Workspace, member: Principal) -> None:
    assert member.user_id is not None
    user_id = member.user_id
    operator = workspace.read(lambda s: find_account(s, workspace.principal.user_id or 0))
    assert (operator.is_enabled, operator.why, operator.said) == (True, "operator", None)
    for said, percent, is_enabled, why in (
        (None, None, True, "roll-out"),
        (None, 0, False, "roll-out"),
        (True, 0, True, "by name"),
        (False, 100, False, "by name"),
    ):
        workspace.act(lambda s, said=said: set_enabled_for(s, user_id, said))  # type: ignore[misc]
        if percent is not None:
            workspace.act(lambda s, percent=percent: set_rollout(s, percent))  # type: ignore[misc]
        account = workspace.read(lambda s: find_account(s, user_id))
        assert (account.said, account.is_enabled, account.why) == (said, is_enabled, why)
        assert workspace.read(lambda s: is_enabled_for(s, user_id)) == is_enabled


def test_a_roll_out_is_about_members_of_whom_nothing_is_said(workspace: Workspace, database: Database) -> None:
    with database.session(SYSTEM) as session:
        session.add_all(User(username=f"user{number}", role="user") for number in range(40))
        session.commit()
    ids = [row.id for row in workspace.read(lambda s: list_accounts(s, "user")).rows]
    workspace.act(lambda s: set_enabled_for(s, ids[0], is_enabled=False))
    found = workspace.read(rollout)
    assert found.percent is None
    assert set(found.user_ids) == set(ids[1:])
    assert (found.reached(0), found.reached(100)) == (0, 39)
    workspace.act(lambda s: set_rollout(s, 30))
    enabled = [row for row in workspace.read(lambda s: list_accounts(s, "user")).rows if row.is_enabled]
    assert len(enabled) == workspace.read(rollout).reached(30)
    assert 0 < len(enabled) < 39


def test_a_member_sees_no_account_but_their_own(
    workspace: Workspace, member: Principal, other_member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    assert [row.id for row in mine.read(list_accounts).rows] == [member.user_id]
    assert mine.read(list_accounts).total == 1
    assert mine.read(rollout).user_ids == (member.user_id,)
    with pytest.raises(NotFound):
        mine.read(lambda s: find_account(s, other_member.user_id or 0))


def test_a_role_is_read_as_it_is_now_and_a_switched_off_account_has_none(
    workspace: Workspace, member: Principal
) -> None:
    mine = workspace.on_behalf_of(member)
    assert mine.read(own_role) == "user"
    workspace.act(lambda s: change_role(s, member.user_id or 0, "viewer"))
    assert mine.read(own_role) == "viewer"
    workspace.act(lambda s: set_active(s, member.user_id or 0, is_active=False))
    with pytest.raises(NotAllowed, match="switched off"):
        mine.read(own_role)


def test_an_account_shows_how_its_user_wants_to_be_addressed(workspace: Workspace, member: Principal) -> None:
    workspace.on_behalf_of(member).act(lambda s: save_profile(s, "Dr. Müller", None))
    assert [row.display_name for row in workspace.read(list_accounts).rows] == ["Dr. Müller", None]
    assert [row.username for row in workspace.read(lambda s: list_accounts(s, "müller")).rows] == ["mira"]
    assert [user.display_name for user in workspace.read(list_users)] == ["Dr. Müller", None]
