"""What agents are doing: their status follows from the delegations and runs that somebody is really at."""

import json
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.database.sending import send

OWN_PROFILES = text(
    "INSERT INTO agent_profiles (user_id, agent_id, display_name, description, capabilities, status, status_since) "
    "SELECT :user, agent_id, display_name, description, capabilities, 'idle', now() FROM agent_profiles "
    "WHERE user_id IS NULL AND agent_id = ANY (:agents) "
    "AND agent_id NOT IN (SELECT agent_id FROM agent_profiles WHERE user_id = :user) ON CONFLICT DO NOTHING"
)
LOCK = text(
    "WITH settled AS MATERIALIZED (SELECT id, status FROM agent_profiles WHERE (user_id, agent_id) IN "
    "(SELECT * FROM json_to_recordset(CAST(:named AS json)) AS named (u bigint, a text)) ORDER BY id FOR UPDATE) "
    "UPDATE agent_profiles p SET status = 'online' FROM settled "
    "WHERE p.id = settled.id AND settled.status IN ('offline', 'error')"
)
"""Who was away is back first: nobody gets to work from there."""
SETTLE = text(
    "WITH found AS MATERIALIZED (SELECT u, a, CASE WHEN coalesce("
    "(SELECT true FROM task_delegations d JOIN conversation_runs r ON r.conversation_id = d.conversation_id "
    " WHERE d.user_id = u AND d.target_agent_id = a AND d.status = 'in_progress' "
    " AND r.worker_id IS NOT NULL AND r.ended_at IS NULL LIMIT 1), "
    "(SELECT true FROM conversation_runs r JOIN multi_agent_conversations c ON c.id = r.conversation_id "
    " WHERE r.user_id = u AND r.worker_id IS NOT NULL AND r.ended_at IS NULL "
    " AND c.pm_agent_id = a AND c.current_phase IN ('planning', 'synthesis') LIMIT 1)) "
    "THEN 'working'::agentstatus ELSE 'idle' END AS status "
    "FROM json_to_recordset(CAST(:named AS json)) AS named (u bigint, a text)) "
    "UPDATE agent_profiles p SET status = found.status, status_since = now(), last_active_at = now(), "
    "status_note = NULL FROM found "
    "WHERE p.user_id = found.u AND p.agent_id = found.a AND p.status <> found.status"
)
"""Each subquery looks for one row, and so walks an index, which forgets on the way what is long over; asked with EXISTS
the server would gather everything that was ever under way, up to the next vacuum."""


def enlist(session: Session, user_id: int, agent_ids: Collection[str]) -> None:
    """Give a user rows of their own for what these agents do for them."""
    send(session, OWN_PROFILES, {"user": user_id, "agents": sorted(agent_ids)})


def settle(session: Session, agents: Collection[tuple[int, str]]) -> None:
    """Bring the status of these agents, each of one user, in step with what they are doing."""
    if not agents:
        return
    session.flush()
    named = {"named": json.dumps([{"u": user_id, "a": agent_id} for user_id, agent_id in sorted(agents)])}
    send(session, LOCK, named)
    # A statement of its own: it sees what those have committed for whom the lock waited.
    send(session, SETTLE, named)
