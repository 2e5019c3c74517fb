"""Sequences of states, legal and illegal, against a model: the database allows exactly what the model does."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import Database, Principal
from helios_core.errors import TransitionRefused
from helios_core.models import (
    AgentProfile,
    AgentStatus,
    Base,
    ConversationPhase,
    GPUAllocation,
    GPUAllocationStatus,
    GPUResource,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)

# The model. A state that is not named leads nowhere; staying in one is no transition.

PHASES = [phase.value for phase in ConversationPhase]
UP = {"online", "idle", "working", "overloaded"}
OUTCOMES = {"completed", "failed", "cancelled", "timeout"}
MODEL: dict[str, dict[str | None, set[str]]] = {
    "task_delegations.status": {
        "pending": {"in_progress", "cancelled", "timeout"},
        "in_progress": {"completed", "failed", "cancelled", "timeout"},
    },
    "multi_agent_conversations.current_phase": {
        **{phase: set(PHASES[place + 1 :]) for place, phase in enumerate(PHASES)},
        "review": {"completion", "delegation"},
    },
    "multi_agent_conversations.outcome": {None: OUTCOMES},
    "agent_profiles.status": {
        "offline": {"online", "error"},
        "error": {"online", "offline"},
        **{state: UP - {state} | {"offline", "error"} for state in UP},
    },
    "gpu_allocations.status": {
        "active": {"idle", "overloaded", "error", "maintenance"},
        "idle": {"active", "overloaded", "error", "maintenance"},
        "overloaded": {"active", "idle", "error", "maintenance"},
        "error": {"idle", "maintenance"},
        "maintenance": {"idle", "error"},
    },
}


def allows(machine: str, before: str | None, after: str | None) -> bool:
    """Whether the model lets `after` follow `before`."""
    return before == after or after in MODEL[machine].get(before, set())


# The database


@dataclass(frozen=True, slots=True)
class Machine:
    """A row with a state, and the states that it may be asked to take."""

    column: str
    states: tuple[str | None, ...]
    begin: Callable[[Session], Base]


def delegation(_: Session) -> Base:
    return TaskDelegation(pm_agent_id="project_manager", target_agent_id="data_analyst", task_description="Count")


def conversation(_: Session) -> Base:
    return MultiAgentConversation(title="Spot")


def profile(session: Session) -> Base:
    user_id = session.connection().info["user_id"]
    return AgentProfile(user_id=user_id, agent_id="data_analyst", display_name="Data Analyst")


def allocation(session: Session) -> Base:
    return GPUAllocation(gpu_id=session.connection().info["gpu_id"], agent_id="data_analyst", allocated_memory_mb=1)


MACHINES = {
    "task_delegations.status": Machine("status", tuple(TaskDelegationStatus), delegation),
    "multi_agent_conversations.current_phase": Machine("current_phase", tuple(ConversationPhase), conversation),
    "multi_agent_conversations.outcome": Machine("outcome", (None, *sorted(OUTCOMES)), conversation),
    "agent_profiles.status": Machine("status", tuple(AgentStatus), profile),
    "gpu_allocations.status": Machine("status", tuple(GPUAllocationStatus), allocation),
}


@pytest.mark.parametrize("name", MODEL)
def test_any_sequence_of_states_ends_where_the_model_says(
    database: Database, operator: Principal, member: Principal, name: str
) -> None:
    machine = MACHINES[name]
    with database.session(operator) as session:
        card = GPUResource(uuid="GPU-0", name="TITAN", host="here", total_memory_mb=12212)
        session.add(card)
        session.commit()
        gpu_id = card.id

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(machine.states), min_size=1, max_size=12))
    def check(wanted: list[str | None]) -> None:
        with database.session(member) as session:
            session.connection().info.update(user_id=member.user_id, gpu_id=gpu_id)
            follow(session, name, machine, wanted)

    check()


def follow(session: Session, name: str, machine: Machine, wanted: list[str | None]) -> None:
    """Ask a new row to take each state in turn, and compare what becomes of it with the model."""
    row = machine.begin(session)
    session.add(row)
    session.flush()
    state = value_of(row, machine.column)
    for after in wanted:
        if allows(name, state, after):
            with refusals(session):
                setattr(row, machine.column, after)
            state = after
        else:
            with pytest.raises(TransitionRefused, match=f"{state or 'none'} to {after or 'none'}"), refusals(session):
                setattr(row, machine.column, after)
        session.refresh(row)
        assert value_of(row, machine.column) == state


def value_of(row: Base, column: str) -> str | None:
    value = getattr(row, column)
    return None if value is None else str(value)
