"""Drafts: the text of answers that models are still writing, so that people can read along."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.sending import send

WRITE = text(
    "INSERT INTO answer_drafts (user_id, conversation_id, delegation_id, agent_id, content, started_at, updated_at) "
    "SELECT run.user_id, new.conversation_id, new.delegation_id, new.agent_id, new.content, "
    "clock_timestamp(), clock_timestamp() "
    "FROM unnest(CAST(:conversations AS bigint[]), CAST(:epochs AS integer[]), CAST(:delegations AS bigint[]), "
    " CAST(:agents AS text[]), CAST(:contents AS text[])) AS new "
    " (conversation_id, epoch, delegation_id, agent_id, content) "
    "JOIN conversation_runs run ON run.conversation_id = new.conversation_id AND run.epoch = new.epoch "
    "LEFT JOIN task_delegations d ON d.id = new.delegation_id "
    "WHERE run.ended_at IS NULL AND (d.id IS NULL) = (new.delegation_id IS NULL) "
    "AND coalesce(d.status, 'in_progress') = 'in_progress' "
    "ON CONFLICT (conversation_id, agent_id, delegation_id) "
    "DO UPDATE SET content = EXCLUDED.content, updated_at = EXCLUDED.updated_at"
)
FINISH = text("DELETE FROM answer_drafts WHERE conversation_id = ANY (:conversations) AND delegation_id IS NULL")
DROP = text("DELETE FROM answer_drafts WHERE delegation_id = ANY (:delegations)")


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of one answer as far as it has come, by a worker that holds the run at this epoch."""

    conversation_id: int
    epoch: int
    delegation_id: int | None
    agent_id: str
    content: str


def write(session: Session, drafts: Sequence[Draft], finished: Sequence[int] = ()) -> None:
    """Put each draft in the place of the one before; those of runs that are held no longer are left out.

    `finished`: conversations whose plan, synthesis or review is written, so that its draft goes.
    """
    if finished:
        send(session, FINISH, {"conversations": list(finished)})
    if not drafts:
        return
    columns = {
        "conversations": [draft.conversation_id for draft in drafts],
        "epochs": [draft.epoch for draft in drafts],
        "delegations": [draft.delegation_id for draft in drafts],
        "agents": [draft.agent_id for draft in drafts],
        "contents": [draft.content.replace("\x00", "") for draft in drafts],
    }
    send(session, WRITE, columns)


def drop(session: Session, delegation_ids: Sequence[int]) -> None:
    """Remove the drafts of answers that are there."""
    send(session, DROP, {"delegations": list(delegation_ids)})
