"""Quality passes through checks that begin once and end once."""

from typing import Any

import pytest
from sqlalchemy import select

from helios_core.database.session import Principal
from helios_core.errors import InvalidInput, NotFound, TransitionRefused
from helios_core.models import ValidationCheckpoint
from helios_core.services.chat_sessions import attach_conversation
from helios_core.services.checkpoints import begin_check, end_check
from helios_core.services.workspace import Workspace
from tests.services.teamwork import Teamwork, teamwork


@pytest.fixture
def mine(workspace: Workspace, member: Principal) -> Workspace:
    return workspace.on_behalf_of(member)


@pytest.fixture
def work(mine: Workspace) -> Teamwork:
    return mine.act(teamwork)


def only_check(workspace: Workspace) -> ValidationCheckpoint:
    return workspace.read(lambda session: session.scalars(select(ValidationCheckpoint)).one())


def test_a_check_is_pending_until_it_ends_with_a_score(mine: Workspace, work: Teamwork, member: Principal) -> None:
    chat_id = mine.act(lambda session: attach_conversation(session, work.conversation_id))
    about = {"response_id": work.response_ids[0]}
    check_id = mine.act(lambda session: begin_check(session, work.conversation_id, "response_quality", about))
    begun = only_check(mine)
    assert (begun.user_id, begun.session_id, begun.status, begun.score) == (member.user_id, chat_id, "pending", None)
    mine.act(lambda session: end_check(session, check_id, "passed", 0.8, {"judge": "llama3.1:8b"}))
    ended = only_check(mine)
    assert (ended.status, ended.score, ended.completed_at is not None) == ("passed", 0.8, True)
    assert ended.details == {**about, "conversation_id": work.conversation_id, "judge": "llama3.1:8b"}


def test_a_check_that_has_ended_stays_as_it_ended(mine: Workspace, work: Teamwork) -> None:
    check_id = mine.act(lambda session: begin_check(session, work.conversation_id, "requirements"))
    mine.act(lambda session: end_check(session, check_id, "failed"))
    with pytest.raises(TransitionRefused, match="from failed to passed"):
        mine.act(lambda session: end_check(session, check_id, "passed"))
    assert only_check(mine).status == "failed"


def test_a_verdict_and_a_score_that_cannot_be_are_refused(mine: Workspace, work: Teamwork) -> None:
    check_id = mine.act(lambda session: begin_check(session, work.conversation_id, "requirements"))
    verdicts: list[tuple[Any, float | None, str]] = [
        ("good", None, "Choose one of passed, failed, skipped"),
        ("passed", 1.2, "between 0 and 1"),
    ]
    for verdict, score, sentence in verdicts:
        with pytest.raises(InvalidInput, match=sentence):
            mine.act(lambda session, verdict=verdict, score=score: end_check(session, check_id, verdict, score))  # type: ignore[misc]
    assert only_check(mine).status == "pending"


def test_what_somebody_else_has_is_not_checked(workspace: Workspace, work: Teamwork, other_member: Principal) -> None:
    check_id = workspace.act(lambda session: begin_check(session, work.conversation_id, "requirements"))
    theirs = workspace.on_behalf_of(other_member)
    with pytest.raises(NotFound, match="no conversation"):
        theirs.act(lambda session: begin_check(session, work.conversation_id, "requirements"))
    with pytest.raises(NotFound, match="no checkpoint"):
        theirs.act(lambda session: end_check(session, check_id, "passed"))
