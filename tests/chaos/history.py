"""The history of conversations, judged afterwards: nothing acknowledged is lost, nothing is done twice."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, text

from tests.chaos.model_server import Call

PHASES = ["initialization", "ingestion", "planning", "delegation", "processing", "synthesis", "review", "completion"]

LEFT_OVER = {
    "leases": "SELECT count(*) FROM card_leases",
    "drafts": "SELECT count(*) FROM answer_drafts",
    "runs under way": "SELECT count(*) FROM conversation_runs WHERE ended_at IS NULL",
    "delegations under way": "SELECT count(*) FROM task_delegations WHERE status IN ('pending', 'in_progress')",
    "agents who seem to work": "SELECT count(*) FROM agent_profiles WHERE status = 'working'",
    "open stays in phases": "SELECT count(*) FROM conversation_phases WHERE ended_at IS NULL",
}

PARTS = """
SELECT c.id, c.question, c.outcome, c.outcome_reason,
    ARRAY(SELECT phase::text FROM conversation_phases WHERE conversation_id = c.id ORDER BY position) AS phases,
    ARRAY(SELECT position FROM conversation_messages WHERE conversation_id = c.id ORDER BY position) AS positions,
    ARRAY(SELECT kind FROM conversation_messages WHERE conversation_id = c.id ORDER BY position) AS kinds,
    (SELECT count(*) FROM task_synthesis WHERE conversation_id = c.id) AS syntheses,
    (SELECT count(*) FROM blackboard_events WHERE event_type = 'synthesis'
        AND (event_payload ->> 'conversation_id')::bigint = c.id) AS announced_syntheses,
    (SELECT count(*) FROM consensus_memory_nodes WHERE node_type = 'synthesis'
        AND (attributes ->> 'conversation_id')::bigint = c.id) AS remembered,
    (SELECT count(*) FROM validation_checkpoints WHERE (details ->> 'conversation_id')::bigint = c.id) AS checks
FROM multi_agent_conversations c ORDER BY c.id
"""
TASKS = """
SELECT d.id, d.conversation_id, d.context ->> 'place' AS place, d.status::text, d.task_description AS task,
    extract(epoch FROM d.completed_at) AS completed_at,
    (SELECT count(*) FROM agent_responses WHERE delegation_id = d.id) AS responses,
    (SELECT count(*) FROM conversation_messages WHERE delegation_id = d.id AND kind = 'response') AS messages,
    (SELECT count(*) FROM blackboard_events WHERE event_type = 'response'
        AND (event_payload ->> 'delegation_id')::bigint = d.id) AS announced
FROM task_delegations d ORDER BY d.id
"""


@dataclass(frozen=True)
class History:
    """What is written at the end, and what the models were asked on the way."""

    conversations: Sequence[Row[Any]]
    tasks: Sequence[Row[Any]]
    left_over: dict[str, int]
    calls: Sequence[Call]

    def faults(self, acknowledged: Sequence[int], experts: int) -> list[str]:
        """Everything that is not as it has to be, after each conversation was carried to its end."""
        found = {row.id: row for row in self.conversations}
        faults = [f"{what} are left: {count}" for what, count in self.left_over.items() if count]
        for conversation_id in acknowledged:
            if conversation_id not in found:
                faults.append(f"conversation {conversation_id} is lost")
            else:
                faults += self._of_conversation(found[conversation_id], experts)
        return faults

    def _of_conversation(self, row: Row[Any], experts: int) -> Iterator[str]:
        where = f"conversation {row.id}"
        if row.outcome != "completed":
            yield f"{where} ended as {row.outcome}: {row.outcome_reason}"
            return
        if row.phases != PHASES:
            yield f"{where} went through {row.phases}"
        if row.positions != list(range(len(row.positions))):
            yield f"{where} has messages at {row.positions}"
        once = {"question": 1, "plan": 1, "directive": experts, "response": experts, "synthesis": 1, "review": 1}
        if Counter(row.kinds) != once:
            yield f"{where} says {Counter(row.kinds)}"
        parts = (row.syntheses, row.announced_syntheses, row.remembered, row.checks)
        if parts != (1, 1, 1, 2):
            yield f"{where} has so many syntheses, announcements, memories, checks: {parts}"
        mine = [task for task in self.tasks if task.conversation_id == row.id]
        if sorted(task.place for task in mine) != [str(place) for place in range(experts)]:
            yield f"{where} has tasks at {[task.place for task in mine]}"
        for task in mine:
            yield from self._of_task(task, row.question)

    def _of_task(self, task: Row[Any], question: str) -> Iterator[str]:
        written = (task.status, task.responses, task.messages, task.announced)
        if written != ("completed", 1, 1, 1):
            yield f"delegation {task.id} has status, responses, messages, announcements: {written}"
        later = [
            call
            for call in self.calls
            if (call.question, call.task) == (question, task.task) and call.at > float(task.completed_at)
        ]
        if later:
            yield f"delegation {task.id} was done, and its model was asked {len(later)} times more"


def history(engine: Engine, calls: Sequence[Call]) -> History:
    """What is written now."""
    with engine.connect() as connection:
        return History(
            connection.execute(text(PARTS)).all(),
            connection.execute(text(TASKS)).all(),
            {what: connection.execute(text(query)).scalar_one() for what, query in LEFT_OVER.items()},
            list(calls),
        )
