"""The framework's usage examples run as its document writes them."""

from uuid import uuid4

from sqlalchemy.orm import Session

from helios_core.database.session import Database, Principal
from helios_core.models import (
    AgentConfiguration,
    BlackboardEvent,
    ChatModeSession,
    GPUAllocation,
    GPUAllocationStatus,
    GPUResource,
    ModelProvider,
    TaskDelegation,
    TaskDelegationStatus,
    User,
)


def titan(session: Session) -> GPUResource:
    gpu = GPUResource(
        uuid=f"SIM-{uuid4()}", name="RTX Titan X", host="desk", total_memory_mb=12288, current_utilization_percent=62.0
    )
    session.add(gpu)
    session.flush()
    return gpu


def test_a_user_specific_configuration_is_created(database: Database, operator: Principal) -> None:
    with database.session(operator) as session:
        titan(session)
        user = session.get_one(User, operator.user_id)

        config = AgentConfiguration(
            user_id=user.id,
            agent_id="research_specialist",
            assigned_llm="claude-3-opus",
            model_provider=ModelProvider.ANTHROPIC,
            gpu_assignment=0,  # RTX Titan X GPU 0
            allocated_memory_mb=8192,
            system_prompt="You are a research specialist...",
            constraints={"max_research_depth": 3},
        )

        session.add(config)
        session.commit()
        session.refresh(config)
        assert config.gpu_assignment == 0
        assert config.constraints == {"max_research_depth": 3}
        assert (config.timeout_seconds, config.max_retries, config.priority, config.version) == (120, 2, 5, 1)


def test_a_task_is_delegated_from_pm_to_expert(database: Database, member: Principal) -> None:
    with database.session(member) as session:
        chat = ChatModeSession()
        session.add(chat)
        session.flush()
        event = BlackboardEvent(session_id=chat.id, source_agent_id="project_manager", event_type="task_assigned")
        session.add(event)
        session.flush()
        session_id = chat.id

        delegation = TaskDelegation(
            session_id=session_id,
            pm_agent_id="project_manager",
            target_agent_id="technical_expert",
            task_description="Assess API security implementation",
            delegation_directive="@[Technical Expert] Please assess...",
            requirements=["security_analysis", "vulnerability_assessment"],
            blackboard_event_id=event.id,  # Cognitive state integration
        )

        session.add(delegation)
        session.commit()
        session.refresh(delegation)
        assert delegation.user_id == member.user_id
        assert delegation.status is TaskDelegationStatus.PENDING


def test_the_allocations_of_a_gpu_are_watched(database: Database, operator: Principal) -> None:
    with database.session(operator) as session:
        titan(session)
        session.add_all(
            GPUAllocation(
                gpu_id=0, agent_id=agent, allocated_memory_mb=4096, current_memory_usage_mb=used, status=status
            )
            for agent, used, status in (
                ("technical_expert", 3900, GPUAllocationStatus.ACTIVE),
                ("data_analyst", 2100, GPUAllocationStatus.ACTIVE),
                ("creative_director", 500, GPUAllocationStatus.IDLE),
            )
        )
        session.flush()

        gpu = GPUResource.query.filter_by(id=0).first()
        assert gpu is not None
        allocations = gpu.allocations.filter_by(status=GPUAllocationStatus.ACTIVE).all()
        total_memory_used = sum(alloc.current_memory_usage_mb for alloc in allocations)
        utilization = gpu.current_utilization_percent

        assert total_memory_used == 6000
        assert utilization == 62.0


def test_without_a_principal_a_query_sees_what_all_may_read_and_nothing_else(
    database: Database, operator: Principal
) -> None:
    with database.session(operator) as session:
        titan(session)
        session.add(GPUAllocation(gpu_id=0, agent_id="technical_expert", allocated_memory_mb=4096))
        session.commit()

    gpu = GPUResource.query.filter_by(id=0).first()
    assert gpu is not None
    assert gpu.name == "RTX Titan X"
    assert gpu.allocations.all() == []
