"""Placement through its services at a real database, against a model of forty lines: whatever happens, in any order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from helios_core.errors import Refused
from helios_core.models import AgentConfiguration, Base, GPUAllocation, GPUResource
from helios_core.services import placement, plans
from helios_core.services.rules import create_rule, delete_rule
from helios_core.services.whatif import WhatIfDraft
from helios_core.services.workspace import Workspace
from tests.services.fleets import agent, cards

MEMORIES = {"tiny": 500, "wee": 800, "light": 1_500, "small": 3_000, "middle": 5_000, "large": 7_000, "huge": 11_000}
CAPACITIES = {0: 12_288, 1: 8_192, 2: 6_144}
AGENTS, GPUS = st.sampled_from(sorted(MEMORIES)), st.sampled_from(sorted(CAPACITIES))


class Model:
    """What should be so: where everybody is, which cards are lost, and how many agents a card may have."""

    def __init__(self) -> None:
        self.where: dict[str, int] = {}
        self.lost: set[int] = set()
        self.most: int | None = None

    def free(self, gpu_id: int, leaving: set[str]) -> int:
        here = [MEMORIES[name] for name, there in self.where.items() if there == gpu_id and name not in leaving]
        return CAPACITIES[gpu_id] - sum(here)

    def takes(self, agent_id: str, gpu_id: int) -> bool:
        """Whether the card may get the agent, who leaves where it was."""
        others = [name for name, there in self.where.items() if there == gpu_id and name != agent_id]
        has_room = self.free(gpu_id, {agent_id}) >= MEMORIES[agent_id]
        return gpu_id not in self.lost and has_room and (self.most is None or len(others) < self.most)

    def after_swap(self, one: str, other: str) -> dict[str, int] | None:
        """Where everybody is when two have changed places; None where that may not be."""
        swapped = Model()
        swapped.lost, swapped.most = self.lost, self.most
        swapped.where = {name: gpu for name, gpu in self.where.items() if name not in {one, other}}
        for name, gpu_id in ((one, self.where[other]), (other, self.where[one])):
            if not swapped.takes(name, gpu_id):
                return None
            swapped.where[name] = gpu_id
        return swapped.where


class Placing(RuleBasedStateMachine):
    """Places, releases, moves, loses cards, changes rules, and crashes."""

    workspace: Workspace
    clean: Callable[[], None]

    @initialize()
    def begin(self) -> None:
        type(self).clean()
        self.model = Model()
        self.rule: Any = None

    @rule(agent_id=AGENTS, gpu_id=st.none() | GPUS)
    def place(self, agent_id: str, gpu_id: int | None) -> None:
        allowed = {gpu for gpu in CAPACITIES if gpu_id in {None, gpu} and self.model.takes(agent_id, gpu)}
        decided = self.workspace.act(lambda s: placement.place(s, agent_id, () if gpu_id is None else (gpu_id,)))
        if not decided.gpu_ids:
            assert not allowed, "it refuses only what no card may take"
        else:
            (there,) = decided.gpu_ids
            assert there in allowed
            self.model.where[agent_id] = there

    @rule(agent_id=AGENTS)
    def release(self, agent_id: str) -> None:
        if agent_id in self.model.where:
            self.workspace.act(lambda s: placement.release(s, agent_id))
            del self.model.where[agent_id]
        else:
            with pytest.raises(Refused):
                self.workspace.act(lambda s: placement.release(s, agent_id))

    @rule(agent_id=AGENTS, gpu_id=st.none() | GPUS)
    def crash_while_placing(self, agent_id: str, gpu_id: int | None) -> None:
        with self.workspace.database.session(self.workspace.principal) as session:
            placement.place(session, agent_id, () if gpu_id is None else (gpu_id,))
            session.connection().invalidate()

    @precondition(lambda self: len(set(self.model.where.values())) > 1)
    @rule(data=st.data())
    def swap_by_a_plan_and_undo_it(self, data: st.DataObject) -> None:
        names = sorted(self.model.where)
        one = data.draw(st.sampled_from(names))
        others = [name for name in names if self.model.where[name] != self.model.where[one]]
        other = data.draw(st.sampled_from(others))
        expected = self.model.after_swap(one, other)
        targets = {ids(self.workspace)[one]: self.model.where[other], ids(self.workspace)[other]: self.model.where[one]}
        if expected is None:
            with pytest.raises(Refused):
                self.workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft(targets)))
            return
        plan_id = self.workspace.act(lambda s: plans.draft_plan(s, WhatIfDraft(targets)))
        self.workspace.act(lambda s: plans.apply_plan(s, plan_id))
        if data.draw(st.booleans()):
            self.workspace.act(lambda s: plans.undo_plan(s, plan_id))
        else:
            self.model.where = expected

    @rule(gpu_id=GPUS)
    def lose_or_find_a_card(self, gpu_id: int) -> None:
        self.model.lost ^= {gpu_id}
        health = "lost" if gpu_id in self.model.lost else "ok"
        card = update(GPUResource).where(GPUResource.id == gpu_id)
        self.workspace.act(lambda s: s.execute(card.values(health=health)))

    @rule(most=st.none() | st.integers(1, 2))
    def change_the_rule(self, most: int | None) -> None:
        if self.rule is not None:
            self.workspace.act(lambda s: delete_rule(s, self.rule.id, self.rule.updated_at))
        values = {"name": "few", "strategy": "spread", "max_agents_per_gpu": most}
        self.rule = None if most is None else self.workspace.act(lambda s: create_rule(s, values))
        self.model.most = most

    @invariant()
    def no_card_is_promised_twice_and_everybody_is_where_they_should_be(self) -> None:
        def look(session: Session) -> tuple[dict[str, int], dict[str, int | None]]:
            live = session.scalars(select(GPUAllocation).where(GPUAllocation.released_at.is_(None)))
            configured = session.execute(select(AgentConfiguration.agent_id, AgentConfiguration.gpu_assignment))
            return {row.agent_id: row.gpu_id for row in live}, {row.agent_id: row.gpu_assignment for row in configured}

        if not hasattr(self, "model"):
            return
        promised, configured = self.workspace.read(look)
        assert promised == self.model.where
        assert {name: gpu_id for name, gpu_id in configured.items() if gpu_id is not None} == self.model.where
        assert all(self.model.free(gpu_id, set()) >= 0 for gpu_id in CAPACITIES)


def ids(workspace: Workspace) -> dict[str, int]:
    """The configuration of each agent."""
    rows = workspace.read(lambda s: s.execute(select(AgentConfiguration.agent_id, AgentConfiguration.id)).all())
    return {row.agent_id: row.id for row in rows}


def run(workspace: Workspace, examples: int, steps: int) -> None:
    """Let so many stories of so many steps happen."""

    def clean() -> None:
        tables = ("gpu_allocations", "load_balancing_rules", "placement_plans")
        for table in tables:
            workspace.act(lambda s, t=table: s.execute(delete(Base.metadata.tables[t])))  # type: ignore[misc]
        workspace.act(lambda s: s.execute(update(AgentConfiguration).values(gpu_assignment=None)))
        workspace.act(lambda s: s.execute(update(GPUResource).values(health="ok")))

    workspace.act(lambda s: (cards(s, *CAPACITIES.values()), [agent(s, name, mib) for name, mib in MEMORIES.items()]))
    machine = type("Placing", (Placing,), {"workspace": workspace, "clean": staticmethod(clean)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


def test_whatever_happens_placement_does_what_the_model_says(workspace: Workspace) -> None:
    run(workspace, examples=12, steps=30)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whatever_happens_for_long_placement_does_what_the_model_says(workspace: Workspace) -> None:
    run(workspace, examples=200, steps=40)
