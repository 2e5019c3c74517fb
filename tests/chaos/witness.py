"""A witness in the database: who wrote to which conversation while whose it was, and who held which card's slot when.

Triggers write it, in the transaction that they witness, so that what is rolled back was never seen. A worker is known
by the name of its connections; what people write is not looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, make_url, text

WATCHED = ("conversation_messages", "conversation_phases", "agent_responses", "task_synthesis", "task_delegations")
"""Tables that workers write to only in a conversation that they hold."""

INSTALL = """
CREATE TABLE witnessed_writes (
    id bigint GENERATED ALWAYS AS IDENTITY, what text, conversation_id bigint, writer text, holder text
);
CREATE TABLE witnessed_slots (
    id bigint GENERATED ALWAYS AS IDENTITY, gpu_id integer, delegation_id bigint, is_held boolean,
    at timestamptz DEFAULT clock_timestamp()
);
CREATE FUNCTION witness_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO witnessed_writes (what, conversation_id, writer, holder)
    SELECT lower(TG_OP) || ' of ' || TG_TABLE_NAME, NEW.conversation_id, current_setting('application_name'),
        (SELECT 'worker ' || w.pid FROM conversation_runs r JOIN workers w ON w.id = r.worker_id
         WHERE r.conversation_id = NEW.conversation_id);
    RETURN NULL;
END $$;
CREATE FUNCTION witness_slot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO witnessed_slots (gpu_id, delegation_id, is_held)
            SELECT unnest(OLD.gpu_id || OLD.further_gpu_ids), OLD.delegation_id, false;
    ELSE
        INSERT INTO witnessed_slots (gpu_id, delegation_id, is_held)
            SELECT unnest(NEW.gpu_id || NEW.further_gpu_ids), NEW.delegation_id, true;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER witness_grant AFTER UPDATE ON card_leases
    FOR EACH ROW WHEN (NEW.granted_at IS NOT NULL AND OLD.granted_at IS NULL) EXECUTE FUNCTION witness_slot();
CREATE TRIGGER witness_return AFTER DELETE ON card_leases
    FOR EACH ROW WHEN (OLD.granted_at IS NOT NULL) EXECUTE FUNCTION witness_slot();
"""
WATCH = """
CREATE TRIGGER witness AFTER INSERT OR UPDATE ON {table}
    FOR EACH ROW WHEN (current_setting('application_name') LIKE 'worker %%') EXECUTE FUNCTION witness_write();
"""
STALE = """
SELECT what, conversation_id, writer, holder FROM witnessed_writes WHERE writer IS DISTINCT FROM holder ORDER BY id
"""
SLOTS = """
SELECT s.gpu_id, s.delegation_id, s.is_held, coalesce(g.max_concurrent_agents, 4) AS slots
FROM witnessed_slots s JOIN gpu_resources g ON g.id = s.gpu_id ORDER BY s.at, s.id
"""


def install(owner: Engine) -> None:
    """Let the database be watched from now on."""
    with owner.begin() as connection:
        connection.exec_driver_sql(INSTALL + "".join(WATCH.format(table=table) for table in WATCHED))


def named(url: str, pid: int) -> str:
    """`url`, with the name by which a worker of that process id is known."""
    named_url = make_url(url).update_query_dict({"application_name": f"worker {pid}"})
    return named_url.render_as_string(hide_password=False)


@dataclass(frozen=True)
class Testimony:
    """What was seen: writes by a worker to a conversation that it did not hold, and slots held and given back."""

    stale: Sequence[Row[Any]]
    slots: Sequence[Row[Any]]

    def too_many_at_once(self) -> Iterator[tuple[int, int, int]]:
        """Each card that ever worked for more than it has slots: its id, for how many, and how many slots it has."""
        held: dict[int, set[int]] = defaultdict(set)
        most: Counter[int] = Counter()
        slots = {row.gpu_id: row.slots for row in self.slots}
        for row in self.slots:
            (held[row.gpu_id].add if row.is_held else held[row.gpu_id].discard)(row.delegation_id)
            most[row.gpu_id] = max(most[row.gpu_id], len(held[row.gpu_id]))
        yield from ((gpu_id, count, slots[gpu_id]) for gpu_id, count in most.items() if count > slots[gpu_id])


def testimony(connection: Connection) -> Testimony:
    """What was seen until now."""
    return Testimony(connection.execute(text(STALE)).all(), connection.execute(text(SLOTS)).all())
