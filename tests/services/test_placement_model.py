"""Placement through its services at a real database, against a model of forty lines: whatever happens, in any order."""

from collections.abc import Callable
from itertools import combinations
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
from helios_core.services.allocations import cards_of
from helios_core.services.constraints import create_constraint
from helios_core.services.rules import create_rule, delete_rule
from helios_core.services.whatif import WhatIfDraft
from helios_core.services.workspace import Workspace
from tests.services.fleets import agent, cards

MEMORIES = {"tiny": 500, "wee": 800, "light": 1_500, "small": 3_000, "middle": 5_000, "large": 7_000, "huge": 11_000,
            "vast": 14_001}  # fmt: skip
MAY_BE_SPLIT = {"vast", "middle"}
CAPACITIES = {0: 12_288, 1: 8_192, 2: 6_144}
Cards = tuple[int, ...]
ANYWHERE: Cards = ()
PLACES = [cards for number in (1, 2, 3) for cards in combinations(sorted(CAPACITIES), number)]
AGENTS, GPUS, WISHES = st.sampled_from(sorted(MEMORIES)), st.sampled_from(sorted(CAPACITIES)), st.sampled_from(PLACES)


class Model:
    """What should be so: where everybody is, which cards are lost, and how many agents a card may have."""

    def __init__(self) -> None:
        self.where: dict[str, Cards] = {}
        self.lost: set[int] = set()
        self.most: int | None = None

    def free(self, gpu_id: int, leaving: set[str]) -> int:
        here = [-(-MEMORIES[name] // len(there)) for name, there in self.where.items()
                if gpu_id in there and name not in leaving]  # fmt: skip
        return CAPACITIES[gpu_id] - sum(here)

    def takes(self, agent_id: str, cards: Cards) -> bool:
        """Whether each of the cards may get its part of the agent, who leaves where it was."""
        if len(cards) > 1 and agent_id not in MAY_BE_SPLIT:
            return False
        for gpu_id in cards:
            others = [name for name, there in self.where.items() if gpu_id in there and name != agent_id]
            is_full = self.most is not None and len(others) >= self.most
            if gpu_id in self.lost or is_full or self.free(gpu_id, {agent_id}) * len(cards) < MEMORIES[agent_id]:
                return False
        return True

    def choices(self, agent_id: str) -> set[Cards]:
        """The places among which the agent may be put: on as few cards as possible."""
        possible = [cards for cards in PLACES if self.takes(agent_id, cards)]
        return {cards for cards in possible if len(cards) == len(possible[0])}

    def after_swap(self, one: str, other: str) -> dict[str, Cards] | None:
        """Where everybody is when two have changed places; None where that may not be."""
        swapped = Model()
        swapped.lost, swapped.most = self.lost, self.most
        swapped.where = {name: cards for name, cards in self.where.items() if name not in {one, other}}
        for name, there in ((one, self.where[other]), (other, self.where[one])):
            if not swapped.takes(name, there):
                return None
            swapped.where[name] = there
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

    @rule(agent_id=AGENTS, wanted=st.just(ANYWHERE) | WISHES)
    def place(self, agent_id: str, wanted: Cards) -> None:
        allowed = {wanted} & {cards for cards in PLACES if self.model.takes(agent_id, cards)}
        allowed = allowed if wanted else self.model.choices(agent_id)
        decided = self.workspace.act(lambda s: placement.place(s, agent_id, wanted))
        if not decided.gpu_ids:
            assert not allowed, "it refuses only what no cards may take"
        else:
            assert decided.gpu_ids in allowed
            self.model.where[agent_id] = decided.gpu_ids

    @rule(agent_id=AGENTS)
    def release(self, agent_id: str) -> None:
        if agent_id in self.model.where:
            self.workspace.act(lambda s: placement.release(s, agent_id))
            del self.model.where[agent_id]
        else:
            with pytest.raises(Refused):
                self.workspace.act(lambda s: placement.release(s, agent_id))

    @rule(agent_id=AGENTS, wanted=st.just(ANYWHERE) | WISHES)
    def crash_while_placing(self, agent_id: str, wanted: Cards) -> None:
        with self.workspace.database.session(self.workspace.principal) as session:
            placement.place(session, agent_id, wanted)
            session.connection().invalidate()

    @precondition(lambda self: len(set(self.model.where.values())) > 1)
    @rule(data=st.data())
    def swap_by_a_plan_and_undo_it(self, data: st.DataObject) -> None:
        names = sorted(self.model.where)
        one = data.draw(st.sampled_from(names))
        others = [name for name in names if self.model.where[name] != self.model.where[one]]
        other = data.draw(st.sampled_from(others))
        expected = self.model.after_swap(one, other)
        known = ids(self.workspace)
        targets = {known[one]: self.model.where[other], known[other]: self.model.where[one]}
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
        def look(session: Session) -> tuple[dict[str, Cards], dict[str, Cards]]:
            live = session.scalars(select(GPUAllocation).where(GPUAllocation.released_at.is_(None)))
            promised: dict[str, Cards] = {}
            for row in sorted(live, key=lambda row: row.gpu_id):
                promised[row.agent_id] = (*promised.get(row.agent_id, ()), row.gpu_id)
            placed = session.scalars(select(AgentConfiguration).where(AgentConfiguration.gpu_assignment.is_not(None)))
            return promised, {row.agent_id: cards_of(row) for row in placed}

        if not hasattr(self, "model"):
            return
        promised, configured = self.workspace.read(look)
        assert promised == self.model.where
        assert configured == self.model.where
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
        nowhere = update(AgentConfiguration).values(gpu_assignment=None, further_gpu_ids=[])
        workspace.act(lambda s: s.execute(nowhere))
        workspace.act(lambda s: s.execute(update(GPUResource).values(health="ok")))

    workspace.act(lambda s: (cards(s, *CAPACITIES.values()), [agent(s, name, mib) for name, mib in MEMORIES.items()]))
    for name in MAY_BE_SPLIT:
        values = {"model_provider": "ollama", "model_name": f"model-of-{name}", "allows_split": True}
        workspace.act(lambda s, v=values: create_constraint(s, v))  # type: ignore[misc]
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
