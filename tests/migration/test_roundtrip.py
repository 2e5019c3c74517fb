"""Up, down, and up again: nothing is left behind, and nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from helios_core.database import migrating
from helios_core.database.engine import connect
from helios_core.database.session import Database, Principal
from helios_core.database.versions import status
from helios_core.models import (
    PLATFORM_TABLES,
    AgentConfiguration,
    AgentConfigurationVersion,
    AgentParticipation,
    AgentProfile,
    AgentResponse,
    AlertAcknowledgement,
    AnswerDraft,
    ApiKey,
    AuditEvent,
    Base,
    BlackboardEvent,
    CardLease,
    ChatModeSession,
    ClaimStance,
    Collector,
    ConsensusMemoryNode,
    ConversationFinding,
    ConversationMessage,
    ConversationPhase,
    ConversationPhaseSpan,
    ConversationRun,
    FeatureActivation,
    GPUAllocation,
    GPUEvent,
    GPUProcess,
    GPUResource,
    GPUSample,
    GPUSampleRollup,
    GPUTrouble,
    JudgeModel,
    LoadBalancingRule,
    ModelFact,
    ModelMeasurement,
    ModelProvider,
    MultiAgentConversation,
    PlacementDecision,
    PlacementLease,
    PlacementMove,
    PlacementPlan,
    PlacementQuota,
    ProviderEndpoint,
    QualityScore,
    ResourceConstraint,
    RetentionRule,
    SynthesisClaim,
    TaskDelegation,
    TaskSynthesis,
    Worker,
)
from tests.conftest import APPLICATION_ROLE

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
WORKER = UUID(int=1)
HELIOS_TABLES = sorted(set(Base.metadata.tables) - set(PLATFORM_TABLES))


@pytest.fixture
def owner(owner_url: SecretStr) -> Iterator[Engine]:
    engine = connect(owner_url)
    yield engine
    engine.dispose()


@pytest.fixture
def filled(database: Database, operator: Principal, member: Principal) -> None:
    """At least one row in every table of Helios."""
    with database.session(operator) as session:
        gpu = GPUResource(uuid="SIM-0", name="RTX Titan X", host="desk", total_memory_mb=12288)
        default = AgentConfiguration(
            agent_id="technical_expert", assigned_llm="m", model_provider=ModelProvider.OLLAMA, further_gpu_ids=[1]
        )
        session.add_all([gpu, default])
        session.flush()
        session.add_all(
            [
                AgentProfile(agent_id="technical_expert", display_name="Technical Expert", capabilities=["apis"]),
                AgentConfigurationVersion(
                    configuration_id=default.id, agent_id="technical_expert", version=1, snapshot={"assigned_llm": "m"}
                ),
                GPUAllocation(gpu_id=gpu.id, agent_id="a", default_configuration_id=default.id, allocated_memory_mb=1),
                GPUProcess(gpu_id=gpu.id, pid=7, name="ollama"),
                GPUEvent(gpu_id=gpu.id, severity="ok", message="It is back."),
                GPUSample(gpu_id=gpu.id, sampled_at=NOW, utilization_percent=5, power_watts=0.1),
                *(
                    GPUSampleRollup(resolution_seconds=length, gpu_id=gpu.id, bucket_at=NOW, sample_count=60)
                    for length in (60, 300)
                ),
                Collector(host="desk", pid=1, interval_seconds=1.0, is_simulated=True, host_cpu_cores=8),
                LoadBalancingRule(name="cool first", strategy="thermal_headroom", applies_plans=True),
                GPUTrouble(gpu_id=gpu.id, kind="hot", detail="91 °C", began_at=NOW, seen_at=NOW),
                AlertAcknowledgement(alert="trouble-1", note="fan was blocked"),
                ModelMeasurement(
                    model_provider=ModelProvider.OLLAMA, model_name="m", agents=1, readings=9, peak_memory_mb=1
                ),
                ModelFact(model_provider=ModelProvider.OLLAMA, model_name="m", architecture={"layers": 32}),
                PlacementQuota(max_memory_mb=4096),
                PlacementDecision(
                    agent_id="technical_expert", outcome="placed", cause="asked", to_gpu_id=0, to_further_gpu_ids=[1]
                ),
                AuditEvent(action="update", subject="gpu_resources", subject_id="0", before={"a": 1}, after=None),
                FeatureActivation(rollout_percent=50),
                ApiKey(name="grafana", key_id="Ab3dE6gH", secret_hash="00", scopes=["read"]),
                RetentionRule(data_class="conversations", keep_days=30),
                ProviderEndpoint(
                    provider=ModelProvider.OPENAI,
                    name="vLLM",
                    address="http://127.0.0.1:8000/v1",
                    key_source="database",
                    sealed_secret="AAAA",
                ),
                Worker(id=WORKER, host="desk", pid=2, capacity=8),
                ResourceConstraint(model_name="m", model_provider=ModelProvider.OLLAMA, min_compute_capability="5.2"),
            ]
        )
        allocation = GPUAllocation(gpu_id=gpu.id, agent_id="visitor", allocated_memory_mb=1)
        plan = PlacementPlan(title="Cool GPU 0", reasons=["It is hot."])
        session.add_all([allocation, plan])
        session.flush()
        session.add_all(
            [
                PlacementLease(allocation_id=allocation.id, holder="desk:7", lease_seconds=30, expires_at=NOW),
                PlacementMove(
                    plan_id=plan.id, position=0, configuration_id=default.id, agent_id="technical_expert",
                    version_before=1, from_gpu_id=gpu.id, newcomer={"display_name": "Second"},
                ),
            ]
        )  # fmt: skip
        session.commit()
    with database.session(member) as session:
        chat, node = ChatModeSession(title="Spot"), ConsensusMemoryNode(node_type="answer", content="Yes.")
        session.add_all([chat, node])
        session.flush()
        event = BlackboardEvent(session_id=chat.id, source_agent_id="project_manager", event_type="task_assigned")
        conversation = MultiAgentConversation(title="“Ünïcode”\n", session_id=chat.id, attributes={"a": [1, None]})
        session.add_all([event, conversation])
        session.flush()
        first = TaskDelegation(
            conversation_id=conversation.id,
            pm_agent_id="project_manager",
            target_agent_id="technical_expert",
            task_description="Assess",
            blackboard_event_id=event.id,
        )
        session.add(first)
        session.flush()
        retry = TaskDelegation(
            conversation_id=conversation.id,
            pm_agent_id="project_manager",
            target_agent_id="technical_expert",
            task_description="Assess",
            retry_of=first.id,
            attempt=2,
        )
        session.add(retry)
        session.flush()
        response = AgentResponse(delegation_id=retry.id, conversation_id=conversation.id, agent_id="t", content="Fine.")
        synthesis = TaskSynthesis(
            conversation_id=conversation.id,
            synthesizer_agent_id="project_manager",
            content="So.",
            consensus_node_id=node.id,
        )
        judge = JudgeModel(model_provider=ModelProvider.OLLAMA, model_name="m", prompt_version="1", prompt="Judge.")
        session.add_all([response, synthesis, judge])
        session.flush()
        claim = SynthesisClaim(synthesis_id=synthesis.id, position=0, content="It is fine.")
        session.add(claim)
        session.flush()
        score = {"conversation_id": conversation.id, "value": 4, "scale_low": 1, "scale_high": 5}
        session.add_all(
            [
                QualityScore(response_id=response.id, source="judge", judge_id=judge.id, **score),
                QualityScore(synthesis_id=synthesis.id, source="person", rater_id=member.user_id, **score),
                ClaimStance(claim_id=claim.id, agent_id="t", response_id=response.id, stance="for", quote="Fine."),
                ConversationFinding(
                    conversation_id=conversation.id, delegation_id=retry.id, kind="ping_pong", sentence="They wait.",
                    excerpt="…", effect="It was sent.",
                ),
                AgentParticipation(conversation_id=conversation.id, agent_id="technical_expert", turns=1),
                ConversationPhaseSpan(conversation_id=conversation.id, position=0, phase=ConversationPhase.PLANNING),
                ConversationMessage(
                    conversation_id=conversation.id, position=0, speaker="user", kind="question", content="Why?"
                ),
                ConversationRun(conversation_id=conversation.id, worker_id=WORKER, epoch=1, priority=3),
                CardLease(
                    delegation_id=retry.id, gpu_id=0, further_gpu_ids=[1], worker_id=WORKER, priority=5, granted_at=NOW
                ),
                AnswerDraft(conversation_id=conversation.id, delegation_id=retry.id, agent_id="t", content="Fi"),
            ]
        )  # fmt: skip
        session.commit()


def contents(engine: Engine, tables: list[str]) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table: sorted(connection.scalars(text(f"SELECT to_jsonb(t)::text FROM {table} t")).all())
            for table in tables
        }


def catalog(engine: Engine) -> set[str]:
    """Everything that the schema defines: tables, columns, constraints, indexes, policies, triggers, types."""
    with engine.connect() as connection:
        return set(
            connection.scalars(
                text("""
            SELECT 'table ' || relname || ' ' || relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname || ' '
                || format_type(atttypid, atttypmod)
                FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
                WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
            UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
                FROM pg_constraint WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || ' ' || coalesce(qual, '') FROM pg_policies
            UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT 'type ' || typname FROM pg_type
                WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
            UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'helios%'
            """)
            )
        )


def test_models_and_revisions_agree(owner_url: SecretStr) -> None:
    migrating.check(owner_url)


def test_every_check_of_the_models_is_in_the_database(owner: Engine) -> None:
    in_models = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if str(constraint.name).startswith("ck_")
    }
    with owner.connect() as connection:
        found = connection.scalars(text("SELECT conname FROM pg_constraint WHERE conname LIKE 'ck\\_%'")).all()
    assert in_models == set(found)


@pytest.mark.usefixtures("filled")
def test_what_a_downgrade_archives_comes_back_row_for_row(owner: Engine, owner_url: SecretStr) -> None:
    before, schema = contents(owner, HELIOS_TABLES), catalog(owner)
    assert all(before.values()), [table for table, rows in before.items() if not rows]
    for _ in range(2):
        migrating.downgrade(owner_url, "platform")
        migrating.upgrade(owner_url, APPLICATION_ROLE)
        assert contents(owner, HELIOS_TABLES) == before
        assert catalog(owner) == schema


@pytest.mark.usefixtures("filled")
def test_a_downgrade_leaves_no_trace_of_helios_and_the_platform_as_it_was(owner: Engine, owner_url: SecretStr) -> None:
    platform = contents(owner, list(PLATFORM_TABLES))
    migrating.downgrade(owner_url, "platform")
    left = {entry for entry in catalog(owner) if not any(table in entry for table in PLATFORM_TABLES)}
    assert {entry for entry in left if "helios_alembic_version" not in entry} == {"schema helios_archive"}
    assert contents(owner, list(PLATFORM_TABLES)) == platform


@pytest.mark.usefixtures("filled")
def test_keys_go_on_where_they_stood_after_a_downgrade(
    database: Database, operator: Principal, owner_url: SecretStr
) -> None:
    with database.session(operator) as session:
        session.add(GPUResource(uuid="SIM-1", name="RTX Titan X", host="desk", total_memory_mb=12288))
        session.flush()
        session.delete(session.query(GPUResource).filter_by(uuid="SIM-1").one())
        session.commit()
    database.engine.dispose()
    migrating.downgrade(owner_url, "platform")
    migrating.upgrade(owner_url, APPLICATION_ROLE)
    with database.session(operator) as session:
        gpu = GPUResource(uuid="SIM-2", name="RTX Titan X", host="desk", total_memory_mb=12288)
        session.add(gpu)
        session.flush()
        assert gpu.id == 2, "the id of a card is never given to another one"


@pytest.mark.usefixtures("filled")
def test_rows_of_a_user_who_left_meanwhile_do_not_come_back(
    owner: Engine, owner_url: SecretStr, member: Principal
) -> None:
    migrating.downgrade(owner_url, "platform")
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM users WHERE id = :id"), {"id": member.user_id})
    migrating.upgrade(owner_url, APPLICATION_ROLE)
    assert contents(owner, ["multi_agent_conversations", "task_delegations"]) == {
        "multi_agent_conversations": [],
        "task_delegations": [],
    }
    assert contents(owner, ["gpu_resources"])["gpu_resources"]


def test_status_names_what_waits(owner: Engine, owner_url: SecretStr) -> None:
    assert status(owner).is_current
    migrating.downgrade(owner_url, "platform")
    found = status(owner)
    assert (found.current, found.is_current) == ("platform", False)
    assert found.pending[0] == "e7f8a9b0c1d2"
    migrating.downgrade(owner_url, "base")
    assert status(owner).pending[0] == "platform"
