"""The history of conversations, judged afterwards: nothing acknowledged is lost, nothing is done twice.

Nor does a worker write to what it does not hold, or a card work for more experts at a time than it has slots.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, text

from tests.chaos.model_server import Call
from tests.chaos.witness import Testimony, testimony

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


Kind = Literal["lost", "ended", "missing", "doubled", "disordered", "left over", "asked again", "stale", "crowded"]


@dataclass(frozen=True)
class Fault:
    """Something that is not as it has to be: of which kind, and what it is."""

    kind: Kind
    what: str


@dataclass(frozen=True)
class History:
    """What is written at the end, what was seen of the writing, and what the models were asked on the way."""

    conversations: Sequence[Row[Any]]
    tasks: Sequence[Row[Any]]
    left_over: dict[str, int]
    calls: Sequence[Call]
    seen: Testimony

    def faults(self, acknowledged: Sequence[int], experts: int) -> list[Fault]:
        """Everything that is not as it has to be, after each conversation was carried to its end."""
        found = {row.id: row for row in self.conversations}
        faults = [Fault("left over", f"{what}: {count}") for what, count in self.left_over.items() if count]
        faults += self._of_workers()
        for conversation_id in acknowledged:
            if conversation_id not in found:
                faults.append(Fault("lost", f"conversation {conversation_id}"))
            else:
                faults += self._of_conversation(found[conversation_id], experts)
        return faults

    def _of_workers(self) -> Iterator[Fault]:
        for row in self.seen.stale:
            yield Fault("stale", f"{row.what} in conversation {row.conversation_id} by {row.writer}, not {row.holder}")
        for gpu_id, count, slots in self.seen.too_many_at_once():
            yield Fault("crowded", f"card {gpu_id} of {slots} slots worked for {count} at a time")

    def _of_conversation(self, row: Row[Any], experts: int) -> Iterator[Fault]:
        where = f"conversation {row.id}"
        if row.outcome != "completed":
            yield Fault("ended", f"{where} as {row.outcome}: {row.outcome_reason}")
            return
        if row.phases != PHASES:
            yield Fault("disordered", f"{where} went through {row.phases}")
        if row.positions != list(range(len(row.positions))):
            yield Fault("disordered", f"{where} has messages at {row.positions}")
        once = {"question": 1, "plan": 1, "directive": experts, "response": experts, "synthesis": 1, "review": 1}
        yield from _counted(where, Counter(row.kinds), once)
        parts = dict(zip(PARTS_ONCE, (row.syntheses, row.announced_syntheses, row.remembered, row.checks), strict=True))
        yield from _counted(where, parts, PARTS_ONCE)
        mine = [task for task in self.tasks if task.conversation_id == row.id]
        places = {str(place): 1 for place in range(experts)}
        yield from _counted(f"{where}, task", Counter(task.place for task in mine), places)
        for task in mine:
            yield from self._of_task(task, row.question)

    def _of_task(self, task: Row[Any], question: str) -> Iterator[Fault]:
        where = f"delegation {task.id}"
        if task.status != "completed":
            yield Fault("ended", f"{where} as {task.status}")
        written = {"response": task.responses, "message": task.messages, "announcement": task.announced}
        yield from _counted(where, written, dict.fromkeys(written, 1))
        later = [
            call
            for call in self.calls
            if (call.question, call.task) == (question, task.task) and call.at > float(task.completed_at)
        ]
        if later:
            yield Fault("asked again", f"{where} was done, and its model was asked {len(later)} times more")


PARTS_ONCE = {"syntheses": 1, "announced syntheses": 1, "memories": 1, "checks": 2}


def _counted(where: str, found: Mapping[str, int], wanted: Mapping[str, int]) -> Iterator[Fault]:
    """What is there too rarely or too often, or should not be there at all."""
    for what in {**wanted, **found}:
        count, right = found.get(what, 0), wanted.get(what, 0)
        if count != right:
            yield Fault("missing" if count < right else "doubled", f"{where}: {count} {what}, not {right}")


def history(connection: Connection, calls: Sequence[Call]) -> History:
    """What is written now."""
    return History(
        connection.execute(text(PARTS)).all(),
        connection.execute(text(TASKS)).all(),
        {what: connection.execute(text(query)).scalar_one() for what, query in LEFT_OVER.items()},
        list(calls),
        testimony(connection),
    )
