"""Keys: who may make one for whom, and what is refused. What they open, the tests of the API show."""

import pytest

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.errors import DuplicateEntry, InvalidInput, KeyRefused, NotAllowed, NotFound
from helios_core.services.keys import FORM, Scope, authenticate, create_key, revoke_key
from helios_core.services.workspace import Workspace
from helios_core.views.keys import list_keys


def test_a_key_lets_in_whose_it_is(database: Database, member: Principal) -> None:
    key = Workspace(database, member).act(lambda session: create_key(session, "mine", Scope.WRITE, days=1))
    assert FORM.fullmatch(key.text)
    holder = Workspace(database, SYSTEM).act(lambda session: authenticate(session, key.text))
    assert (holder.principal, holder.scopes) == (member, frozenset({Scope.READ, Scope.WRITE}))


def test_only_an_admin_makes_or_ends_a_key_of_another_user(
    workspace: Workspace, member: Principal, other_member: Principal
) -> None:
    mira, otto = workspace.on_behalf_of(member), workspace.on_behalf_of(other_member)
    with pytest.raises(NotAllowed):
        mira.act(lambda session: create_key(session, "theirs", Scope.READ, 1, other_member.user_id))
    key = workspace.act(lambda session: create_key(session, "given", Scope.READ, 1, other_member.user_id))
    with pytest.raises(NotFound):
        mira.act(lambda session: revoke_key(session, key.key_id))
    assert [found.name for found in otto.read(list_keys)] == ["given"]
    assert mira.read(list_keys) == ()
    workspace.act(lambda session: revoke_key(session, key.key_id))
    assert [found.state for found in otto.read(list_keys)] == ["revoked"]
    with pytest.raises(KeyRefused, match="was revoked at"):
        workspace.on_behalf_of(SYSTEM).act(lambda session: authenticate(session, key.text))


def test_what_cannot_be_a_key_is_refused(workspace: Workspace) -> None:
    def create(name: str, days: int = 1, user_id: int | None = None) -> None:
        workspace.act(lambda session: create_key(session, name, Scope.READ, days, user_id))

    create("nightly")
    with pytest.raises(DuplicateEntry, match="called nightly already"):
        create("nightly")
    for name, days, field in (
        ("", 1, "name"),
        (" padded", 1, "name"),
        ("x" * 101, 1, "name"),
        ("a", 0, "days"),
        ("a", 367, "days"),
    ):
        with pytest.raises(InvalidInput) as refused:
            create(name, days)
        assert list(refused.value.fields) == [field]
    with pytest.raises(NotFound):
        create("for nobody", user_id=987_654_321)
    with pytest.raises(InvalidInput, match="whose key"):
        workspace.on_behalf_of(SYSTEM).act(lambda session: create_key(session, "of Helios", Scope.READ, 1))
