"""For whom Helios is enabled, and that whoever it is off for loses nothing."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from helios_core.database.session import Database, Principal
from helios_core.errors import EditConflict, InvalidInput, NotAllowed, NotEnabled, NotFound
from helios_core.models import AgentConfiguration, AuditEvent
from helios_core.services import agents
from helios_core.services.activation import is_enabled_for, is_reached, set_enabled_for, set_rollout
from helios_core.services.users import list_users
from helios_core.services.workspace import Workspace

VALUES = {"model_provider": "ollama", "assigned_llm": "llama3.1:8b", "system_prompt": "You test."}


def switch(workspace: Workspace, user: Principal, is_enabled: bool | None) -> None:
    workspace.act(lambda session: set_enabled_for(session, user.user_id or 0, is_enabled, "a pilot"))


def test_where_nothing_was_ever_said_it_is_on(workspace: Workspace, member: Principal) -> None:
    assert [user.username for user in workspace.on_behalf_of(member).read(list_users)] == ["mira"]


def test_a_user_for_whom_it_is_off_is_told_so_and_keeps_everything(
    workspace: Workspace, member: Principal, other_member: Principal
) -> None:
    workspace.act(lambda session: agents.create_agent(session, "tester", "Tester", VALUES))
    mine = workspace.on_behalf_of(member)
    mine.act(lambda session: agents.save_configuration(session, "tester", {"priority": 9}, 1))
    switch(workspace, member, False)
    with pytest.raises(NotEnabled, match="not enabled for you; ask an operator"):
        mine.read(list_users)
    with pytest.raises(NotEnabled):
        mine.act(lambda session: agents.save_configuration(session, "tester", {"priority": 1}, 2))
    assert workspace.on_behalf_of(other_member).read(list_users)
    kept = select(AgentConfiguration.priority).where(AgentConfiguration.user_id == member.user_id)
    assert workspace.read(lambda session: session.scalar(kept)) == 9
    switch(workspace, member, None)
    assert mine.read(lambda session: session.scalar(kept)) == 9


def test_what_is_said_of_a_user_counts_more_than_the_roll_out(
    workspace: Workspace, member: Principal, other_member: Principal
) -> None:
    workspace.act(lambda session: set_rollout(session, 0, "begin small"))
    switch(workspace, member, True)
    assert workspace.on_behalf_of(member).read(list_users)
    with pytest.raises(NotEnabled):
        workspace.on_behalf_of(other_member).read(list_users)
    workspace.act(lambda session: set_rollout(session, 100))
    assert workspace.on_behalf_of(other_member).read(list_users)
    events = workspace.read(lambda session: session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all())
    assert [(event.action, event.user_id, event.reason) for event in events] == [
        ("added", None, "begin small"),
        ("added", member.user_id, "a pilot"),
        ("changed", None, None),
    ]


def test_nobody_overwrites_what_another_operator_said_meanwhile(workspace: Workspace, member: Principal) -> None:
    user_id = member.user_id or 0
    for percent, seen in ((50, None), (20, 50)):
        workspace.act(partial(set_rollout, percent=percent, seen={"rollout_percent": seen}))
    switch(workspace, member, False)
    with pytest.raises(EditConflict, match="changed the roll-out"):
        workspace.act(partial(set_rollout, percent=80, seen={"rollout_percent": 50}))
    with pytest.raises(EditConflict, match="what is said of user"):
        workspace.act(partial(set_enabled_for, user_id=user_id, is_enabled=True, seen={"is_enabled": None}))
    assert workspace.read(lambda session: is_enabled_for(session, user_id)) is False


def test_operators_may_always_work(workspace: Workspace) -> None:
    workspace.act(lambda session: set_rollout(session, 0))
    switch(workspace, workspace.principal, False)
    assert workspace.read(list_users)


def test_only_operators_decide_and_only_what_can_be(workspace: Workspace, member: Principal) -> None:
    with pytest.raises(NotAllowed, match="switch Helios on or off"):
        workspace.on_behalf_of(member).act(lambda session: set_rollout(session, 50))
    for percent in (-1, 101):
        with pytest.raises(InvalidInput, match="0 to 100"):
            workspace.act(lambda session, percent=percent: set_rollout(session, percent))  # type: ignore[misc]
    with pytest.raises(NotFound, match="no user 99"):
        workspace.act(lambda session: set_enabled_for(session, 99, True))


@given(st.integers(min_value=0, max_value=2**62), st.integers(0, 100), st.integers(0, 100))
def test_a_roll_out_that_grows_keeps_whom_it_reached(user_id: int, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert is_reached(user_id, large) or not is_reached(user_id, small)
    assert is_reached(user_id, 100)
    assert not is_reached(user_id, 0)


def test_a_roll_out_reaches_about_its_share() -> None:
    assert 0.28 < sum(is_reached(user_id, 30) for user_id in range(10_000)) / 10_000 < 0.32


def test_the_answer_for_a_user_is_an_operators_to_read(
    database: Database, workspace: Workspace, member: Principal
) -> None:
    workspace.act(lambda session: set_rollout(session, 0))
    with database.session(member) as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == 0
        assert not is_enabled_for(session, member.user_id or 0)
