"""A database as large as a busy installation's: many samples and responses, twenty users, one with nine tenths of all.

Everything is made by the server itself, by row number, so that two runs hold the same but for the time that is now.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

USERS = 20
CARDS = 64
RESPONSES_A_CONVERSATION = 10


@dataclass(frozen=True)
class Size:
    """How many rows the two largest kinds have."""

    samples: int
    responses: int

    @property
    def conversations(self) -> int:
        """One for every ten responses."""
        return self.responses // RESPONSES_A_CONVERSATION

    @property
    def seconds(self) -> int:
        """How long each card was read once a second."""
        return self.samples // CARDS


LARGE = Size(samples=10_000_000, responses=1_000_000)
SMALL = Size(samples=100_000, responses=20_000)

AGENTS = "'technical_expert', 'data_analyst', 'research_specialist', 'planning_expert', 'creative_director'"
WORDS = "'latency', 'budget', 'spot', 'rollout', 'review', 'quota', 'index', 'cache'"

OWNER = "CASE WHEN i % 10 <> 0 THEN 1 ELSE 2 + (i / 10) % 19 END"
"""Whose conversation number i is."""
AT = "now() - (:conversations - i) * interval '400 days' / :conversations"
"""When conversation number i began."""

STEPS = {
    "users": """
INSERT INTO users (username, role) SELECT 'user' || i, 'user' FROM generate_series(1, :users) i
""",
    "operator": "INSERT INTO users (username, role) VALUES ('olga', 'admin')",
    "gpu_resources": """
INSERT INTO gpu_resources (uuid, nvml_index, name, host, total_memory_mb, health, sampled_at)
SELECT 'GPU-' || i, i % 8, 'NVIDIA L40S', 'rack' || i / 8, 46068, 'ok', now() FROM generate_series(0, :cards - 1) i
""",
    "days": "SELECT helios_ensure_sample_partitions(current_date - :seconds / 86400 - 1, current_date + 1)",
    "gpu_samples": """
INSERT INTO gpu_samples (gpu_id, sampled_at, utilization_percent, memory_used_mb, temperature_celsius, power_watts,
    sm_clock_mhz, memory_clock_mhz, fan_percent, throttle_reasons)
SELECT card, date_trunc('second', now()) - (:seconds - second) * interval '1 second', (second + card) % 101,
    20000 + second % 9000, 50 + second % 30, 100 + second % 200, 1800, 9000, 40, (second % 50 = 0)::int
FROM generate_series(1, :seconds) second, generate_series(0, :cards - 1) card
""",
    "gpu_sample_rollups": """
INSERT INTO gpu_sample_rollups (resolution_seconds, gpu_id, bucket_at, sample_count, utilization_percent_avg,
    utilization_percent_max, memory_used_mb_avg, temperature_celsius_avg, temperature_celsius_max, power_watts_avg)
SELECT resolution, card, date_bin(resolution * interval '1 second', now(), 'epoch')
    - place * resolution * interval '1 second', resolution, place % 101, 100, 20000 + place % 9000, 60, 80, 150
FROM (VALUES (10, :seconds / 10), (60, :seconds / 15), (300, :seconds / 75), (3600, :seconds / 16))
        AS kept (resolution, places),
    generate_series(0, places) place, generate_series(0, :cards - 1) card
""",
    "gpu_events": """
INSERT INTO gpu_events (gpu_id, occurred_at, severity, message)
SELECT i % :cards, now() - i * interval '5 minutes', 'warning', 'The card is hot.'
FROM generate_series(1, :conversations) i
""",
    "collectors": """
INSERT INTO collectors (host, pid, interval_seconds, is_simulated, last_success_at)
SELECT 'rack' || i, i, 1, false, now() FROM generate_series(0, 7) i
""",
    "agent_configurations": """
INSERT INTO agent_configurations (user_id, agent_id, assigned_llm, model_provider, gpu_assignment)
SELECT owner, agent, 'llama3.1:8b', 'ollama', coalesce(owner, 0) % :cards
FROM unnest(ARRAY[{agents}]) agent,
    (SELECT NULL::bigint UNION ALL SELECT id FROM users) AS owners (owner)
""",
    "agent_profiles": """
INSERT INTO agent_profiles (user_id, agent_id, display_name)
SELECT user_id, agent_id, initcap(replace(agent_id, '_', ' ')) FROM agent_configurations
""",
    "agent_configuration_versions": """
INSERT INTO agent_configuration_versions
    (user_id, configuration_id, agent_id, version, snapshot, changed_by, created_at)
SELECT user_id, id, agent_id, i, '{{"priority": 5}}', coalesce(user_id, 1), now() - i * interval '1 hour'
FROM agent_configurations, generate_series(1, greatest(:conversations / 500, 1)) i
""",
    "audit_events": """
INSERT INTO audit_events (user_id, actor_id, action, subject, subject_id, after, occurred_at)
SELECT {owner}, {owner}, 'changed', 'agent_configurations', (1 + i % 100)::text, '{{"priority": 6}}', {at}
FROM generate_series(1, :conversations) i
""",
    "gpu_allocations": """
INSERT INTO gpu_allocations (user_id, gpu_id, agent_id, model_name, allocated_memory_mb, allocated_at, released_at)
SELECT {owner}, i % :cards, 'technical_expert', 'llama3.1:8b', 6000, {at}, {at} + interval '1 hour'
FROM generate_series(1, :conversations) i
""",
    "live allocations": """
INSERT INTO gpu_allocations (user_id, gpu_id, agent_id, model_name, allocated_memory_mb)
SELECT id, id % :cards, agent, 'llama3.1:8b', 6000 FROM users, unnest(ARRAY[{agents}]) agent
""",
    "multi_agent_conversations": """
INSERT INTO multi_agent_conversations (id, user_id, title, question, pm_agent_id, current_phase, outcome, source,
    consensus_score, started_at, ended_at, created_at)
SELECT i, {owner}, (ARRAY[{words}])[1 + i % 8] || ' question ' || i, 'What about the ' || (ARRAY[{words}])[1 + i % 7],
    'project_manager', CASE WHEN i > :conversations - 40 THEN 'processing' ELSE 'completion' END::conversationphase,
    CASE WHEN i > :conversations - 40 THEN NULL WHEN i % 25 = 0 THEN 'failed' ELSE 'completed' END,
    (ARRAY['live', 'import', 'rehearsal'])[1 + i % 3], (i % 100) / 100.0, {at},
    CASE WHEN i > :conversations - 40 THEN NULL ELSE {at} + interval '3 minutes' END, {at}
FROM generate_series(1, :conversations) i
""",
    "agent_participations": """
INSERT INTO agent_participations (user_id, conversation_id, agent_id, turns, input_tokens, output_tokens)
SELECT {owner}, i, agent, 2, 900, 400 FROM generate_series(1, :conversations) i, unnest(ARRAY[{agents}]) agent
""",
    "conversation_phases": """
INSERT INTO conversation_phases (user_id, conversation_id, position, phase, started_at, ended_at)
SELECT {owner}, i, place, (enum_range(NULL::conversationphase))[1 + place], {at} + place * interval '20 seconds',
    {at} + (place + 1) * interval '20 seconds'
FROM generate_series(1, :conversations) i, generate_series(0, 7) place
""",
    "task_delegations": """
INSERT INTO task_delegations (id, user_id, conversation_id, pm_agent_id, target_agent_id, task_description, status,
    position, context, gpu_id, delegated_at, started_at, completed_at, created_at)
SELECT (i - 1) * 10 + place, {owner}, i, 'project_manager', (ARRAY[{agents}])[1 + (i + place) % 5],
    'Look into the ' || (ARRAY[{words}])[1 + (i + place) % 8],
    CASE WHEN i > :conversations - 40 THEN (ARRAY['pending', 'in_progress'])[1 + place % 2]
        WHEN (i * 10 + place) % 40 = 0 THEN 'failed' WHEN (i * 10 + place) % 90 = 0 THEN 'timeout'
        ELSE 'completed' END::taskdelegationstatus,
    place, jsonb_build_object('place', place, 'depends_on', '[]'::jsonb), i % :cards, {at}, {at} + interval '5 seconds',
    CASE WHEN i > :conversations - 40 THEN NULL ELSE {at} + interval '50 seconds' END,
    {at} + place * interval '1 second'
FROM generate_series(1, :conversations) i, generate_series(1, 10) place
""",
    "agent_responses": """
INSERT INTO agent_responses (user_id, delegation_id, conversation_id, agent_id, content, model_name, quality_score,
    confidence_score, input_tokens, output_tokens, response_seconds, position, started_at, completed_at, created_at)
SELECT user_id, id, conversation_id, target_agent_id, repeat('About the ' || (ARRAY[{words}])[1 + id % 8] || '. ', 8),
    'llama3.1:8b', (id % 100) / 100.0, (id % 50) / 50.0, 900, 400, id % 60, position, started_at, completed_at,
    created_at + interval '40 seconds'
FROM task_delegations
""",
    "task_synthesis": """
INSERT INTO task_synthesis (user_id, conversation_id, synthesizer_agent_id, content, consensus_score, quality_score,
    created_at)
SELECT {owner}, i, 'project_manager', repeat('So it is. ', 30), (i % 100) / 100.0, (i % 90) / 100.0,
    {at} + interval '2 minutes'
FROM generate_series(1, :conversations) i
""",
    "conversation_messages": """
INSERT INTO conversation_messages (user_id, conversation_id, position, speaker, kind, content, occurred_at)
SELECT {owner}, i, place, (ARRAY[{agents}])[1 + (i + place) % 5],
    CASE place WHEN 0 THEN 'question' ELSE 'response' END,
    'On the ' || (ARRAY[{words}])[1 + (i + place) % 8] || CASE WHEN i % 5000 = 7 THEN ' a zebra' ELSE '' END,
    {at} + place * interval '10 seconds'
FROM generate_series(1, :conversations) i, generate_series(0, 9) place
""",
    "chat_mode_sessions": """
INSERT INTO chat_mode_sessions (user_id, title, created_at)
SELECT {owner}, 'chat ' || i, {at} FROM generate_series(1, :conversations) i
""",
    "blackboard_events": """
INSERT INTO blackboard_events (user_id, source_agent_id, event_type, created_at)
SELECT {owner}, 'project_manager', 'task_assigned', {at} FROM generate_series(1, :conversations) i
""",
    "consensus_memory_nodes": """
INSERT INTO consensus_memory_nodes (user_id, node_type, content, created_at)
SELECT {owner}, 'synthesis', 'So it is with ' || (ARRAY[{words}])[1 + i % 8], {at}
FROM generate_series(1, :conversations) i
""",
    "agent_context_states": """
INSERT INTO agent_context_states (user_id, session_id, agent_id, context_tier, context_key, updated_at)
SELECT user_id, id, 'data_analyst', 'shared', 'finding', created_at FROM chat_mode_sessions
""",
    "validation_checkpoints": """
INSERT INTO validation_checkpoints (user_id, session_id, checkpoint_type, status, score, created_at)
SELECT user_id, id, 'response_quality', 'passed', 0.8, created_at FROM chat_mode_sessions
""",
    "conversation_runs": """
INSERT INTO conversation_runs (user_id, conversation_id, requested_at, taken_at, ended_at)
SELECT user_id, id, created_at, created_at, ended_at FROM multi_agent_conversations
""",
    "quality_scores": """
INSERT INTO quality_scores (user_id, conversation_id, response_id, source, value, scale_low, scale_high, created_at)
SELECT user_id, conversation_id, id, 'self', (id % 100) / 100.0, 0, 1, created_at FROM agent_responses
""",
    "synthesis_claims": """
INSERT INTO synthesis_claims (user_id, synthesis_id, position, content)
SELECT user_id, id, place, 'It is cheaper by ' || place || ' %' FROM task_synthesis, generate_series(0, 2) place
""",
    "claim_stances": """
INSERT INTO claim_stances (user_id, claim_id, agent_id, stance)
SELECT user_id, id, agent, 'for' FROM synthesis_claims, unnest(ARRAY['technical_expert', 'data_analyst']) agent
""",
    "conversation_findings": """
INSERT INTO conversation_findings (user_id, conversation_id, kind, sentence, excerpt, effect, created_at)
SELECT {owner}, i, 'unknown_expert', 'There is no such expert.', '@[Nobody]', 'left out', {at}
FROM generate_series(1, :conversations) i
""",
    "placement_plans": """
INSERT INTO placement_plans (status, title, created_by, created_at, applied_at)
SELECT 'applied', 'Plan ' || i, :users + 1, {at}, {at} FROM generate_series(1, :conversations / 10) i
""",
    "placement_moves": """
INSERT INTO placement_moves (plan_id, position, agent_id, version_before, from_gpu_id, to_gpu_id)
SELECT id, place, 'data_analyst', 1, 0, 1 FROM placement_plans, generate_series(0, 4) place
""",
    "placement_decisions": """
INSERT INTO placement_decisions
    (user_id, agent_id, outcome, cause, from_gpu_id, to_gpu_id, to_further_gpu_ids, decided_at)
SELECT {owner}, (ARRAY[{agents}])[1 + i % 5], (ARRAY['placed', 'moved', 'kept'])[1 + i % 3], 'asked',
    i % :cards, (i + 1) % :cards, CASE i % 50 WHEN 0 THEN ARRAY[(i + 2) % :cards] ELSE '{{}}' END, {at}
FROM generate_series(1, :conversations) i
""",
    "api_keys": """
INSERT INTO api_keys (user_id, name, key_id, secret_hash, scopes)
SELECT id, 'grafana', 'k' || lpad(id::text, 7, '0'), '00', '["read"]' FROM users
""",
}
"""What is made, in this order."""

GROWING = (
    "agent_configuration_versions", "agent_context_states", "agent_participations", "agent_responses", "audit_events",
    "blackboard_events", "chat_mode_sessions", "claim_stances", "consensus_memory_nodes", "conversation_findings",
    "conversation_messages", "conversation_phases", "conversation_runs", "gpu_allocations", "gpu_events",
    "gpu_sample_rollups", "gpu_samples", "multi_agent_conversations", "placement_decisions", "placement_moves",
    "placement_plans", "quality_scores", "synthesis_claims", "task_delegations", "task_synthesis",
    "validation_checkpoints",
)  # fmt: skip
"""The tables that grow with use."""


def populate(owner: Engine, size: Size) -> None:
    """Fill an empty database, and let the planner know what is in it."""
    with owner.begin() as connection:
        _switch_triggers(connection, "DISABLE")
    for statement in STEPS.values():
        with owner.begin() as connection:
            connection.execute(text(_filled(statement, size).replace(":", r"\:")))
    with owner.begin() as connection:
        _switch_triggers(connection, "ENABLE")
        for table in ("multi_agent_conversations", "task_delegations"):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"))
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _filled(statement: str, size: Size) -> str:
    known = {"users": USERS, "cards": CARDS, "seconds": size.seconds, "conversations": size.conversations}
    statement = statement.format(agents=AGENTS, words=WORDS, owner=OWNER, at=AT)
    for name, value in known.items():
        statement = statement.replace(f":{name}", str(value))
    return statement


def _switch_triggers(connection: Connection, how: str) -> None:
    """Switch our triggers off or on: what is made here is right by itself, and they look at it row by row."""
    tables = connection.scalars(text("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"))
    for table in tables.all():
        connection.execute(text(f"ALTER TABLE {table} {how} TRIGGER USER"))
