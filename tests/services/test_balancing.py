"""Live balancing: cards in trouble cause a plan, applied where a rule says so, and never one after the other."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from helios_core.database.engine import connect
from helios_core.database.session import SYSTEM, Database
from helios_core.models import GPUResource, PlacementMove, PlacementPlan
from helios_core.services import placement, plans
from helios_core.services.agents import save_configuration
from helios_core.services.balancing import BALANCING_LOCK, COOLDOWN_SECONDS, STAY_SECONDS, balance
from helios_core.services.constraints import create_constraint
from helios_core.services.rules import create_rule
from helios_core.services.workspace import Workspace
from helios_core.views.placement import placement_map
from helios_core.views.plans import list_plans
from tests.services.fleets import agent, cards

HOT_RULE = {"name": "cool", "strategy": "thermal_headroom", "max_temperature_celsius": 83}
PAST = {
    "gpu_troubles": ("began_at", "seen_at", "calm_since", "ended_at"),
    "placement_plans": ("created_at", "applied_at"),
    "placement_decisions": ("decided_at",),
}


class Scene:
    """Three cards, two agents on the first, and a clock that is turned by moving all that happened into the past."""

    def __init__(self, database: Database, workspace: Workspace, owner: Session) -> None:
        self.workspace, self.system, self._owner = workspace, Workspace(database, SYSTEM), owner

    def read_cards(self, **values: object) -> None:
        """The first card reads so, the others are well; all were read just now."""
        well = {"current_temperature_celsius": 60.0, "health": "ok", "sampled_at": func.clock_timestamp()}
        self.workspace.act(lambda s: s.execute(update(GPUResource).values(**well)))
        self.workspace.act(lambda s: s.execute(update(GPUResource).where(GPUResource.id == 0).values(**values)))

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        for table, columns in PAST.items():
            moved = ", ".join(f"{column} = {column} - make_interval(secs => :seconds)" for column in columns)
            self._owner.execute(text(f"UPDATE {table} SET {moved}"), {"seconds": seconds})
        self._owner.commit()

    def look(self, seconds: float, **values: object) -> tuple[int, ...]:
        """One look after so many seconds."""
        self.pass_seconds(seconds)
        self.read_cards(**values)
        return self.system.act(balance)

    @property
    def places(self) -> dict[str, int]:
        """The card of each agent."""
        found = self.workspace.read(placement_map)
        return {agent.agent_id: card.gpu_id for card in found.cards for agent in card.agents}


@pytest.fixture
def scene(database: Database, workspace: Workspace, owner: Session) -> Scene:
    def fill(session: Session) -> None:
        cards(session, 12_288, 12_288, 12_288)
        for agent_id, priority in (("writer", 8), ("critic", 3)):
            agent(session, agent_id, 4_000, priority=priority)
            placement.place(session, agent_id, (0,))

    workspace.act(fill)
    return Scene(database, workspace, owner)


@pytest.fixture
def owner(owner_url: SecretStr) -> Iterator[Session]:
    engine = connect(owner_url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_a_hot_card_gets_a_proposal_that_moves_the_least_important_agent(scene: Scene) -> None:
    scene.workspace.act(lambda s: create_rule(s, HOT_RULE))
    assert scene.look(0, current_temperature_celsius=90.0) == ()
    assert scene.look(100, current_temperature_celsius=90.0) == ()
    [plan_id] = scene.look(30, current_temperature_celsius=90.0)
    [plan] = scene.workspace.read(list_plans)
    assert (plan.id, plan.status, plan.cause, plan.created_by) == (plan_id, "draft", "balancing", None)
    assert plan.title == "GPU 0 is hot"
    assert plan.reasons == ("90.0 °C; 83.0 °C is too hot here.",)
    assert [(m.agent_id, m.from_gpu_ids) for m in plan.moves] == [("critic", (0,))]
    assert scene.places == {"writer": 0, "critic": 0}
    assert scene.look(60, current_temperature_celsius=90.0) == (), "a proposal waits already"
    [trouble] = scene.workspace.read(placement_map).cards[0].troubles
    assert (trouble.kind, trouble.plan_id) == ("hot", plan_id)


def test_a_rule_that_says_so_applies_the_plan_and_a_person_undoes_it(scene: Scene) -> None:
    scene.workspace.act(lambda s: create_rule(s, {**HOT_RULE, "applies_plans": True}))
    scene.look(0, current_temperature_celsius=90.0)
    [plan_id] = scene.look(130, current_temperature_celsius=90.0)
    assert scene.places["critic"] != 0
    assert scene.places["writer"] == 0
    assert scene.look(60, current_temperature_celsius=90.0) == (), "one plan in ten minutes"
    [second] = scene.look(COOLDOWN_SECONDS, current_temperature_celsius=90.0)
    assert scene.places["writer"] != 0
    scene.read_cards(current_temperature_celsius=60.0)
    scene.workspace.act(lambda s: plans.undo_plan(s, second))
    assert scene.places["writer"] == 0
    assert plan_id != second


def test_an_agent_on_several_cards_leaves_a_lost_one_with_all_its_parts(scene: Scene) -> None:
    def spread(session: Session) -> None:
        create_constraint(session, {"model_provider": "ollama", "model_name": "model-of-critic", "allows_split": True})
        save_configuration(session, "critic", {"allocated_memory_mb": 14_000, "further_gpu_ids": [1]}, 2)

    scene.workspace.act(spread)
    scene.workspace.act(lambda s: placement.release(s, "writer"))
    scene.look(0, health="lost")
    [_] = scene.look(20, health="lost")
    [plan] = scene.workspace.read(list_plans)
    assert [(m.agent_name, m.from_gpu_ids, m.to_gpu_ids) for m in plan.moves] == [("Critic", (0, 1), (1, 2))]


def test_all_leave_a_lost_card_and_as_many_as_have_to_an_over_promised_one(scene: Scene) -> None:
    scene.look(0, health="lost")
    [plan_id] = scene.look(20, health="lost")
    [plan] = scene.workspace.read(list_plans)
    assert {move.agent_id for move in plan.moves} == {"writer", "critic"}
    scene.workspace.act(lambda s: plans.discard_plan(s, plan_id))
    scene.workspace.act(
        lambda s: s.execute(update(GPUResource).where(GPUResource.id == 0).values(reserved_memory_mb=6_000))
    )
    scene.look(COOLDOWN_SECONDS)
    scene.look(31)
    [plan, _] = scene.workspace.read(list_plans)
    assert plan.title == "GPU 0 has more promised than it has"
    assert [move.agent_id for move in plan.moves] == ["critic"]


def test_what_has_passed_is_no_longer_proposed(scene: Scene) -> None:
    scene.workspace.act(lambda s: create_rule(s, HOT_RULE))
    scene.look(0, current_temperature_celsius=90.0)
    scene.look(130, current_temperature_celsius=90.0)
    scene.look(5)
    assert scene.workspace.read(list_plans)[0].status == "draft"
    scene.look(301)
    assert scene.workspace.read(list_plans)[0].status == "discarded"
    assert scene.workspace.read(placement_map).cards[0].troubles == ()


def test_only_one_process_balances_at_a_time(scene: Scene) -> None:
    scene.look(0, health="lost")
    scene.pass_seconds(20)
    with held(scene):
        assert scene.system.act(balance) == ()
    assert len(scene.system.act(balance)) == 1


@contextmanager
def held(scene: Scene) -> Iterator[None]:
    """Another process that balances just now."""
    with scene.system.database.session(SYSTEM) as session:
        session.execute(select(func.pg_advisory_xact_lock(BALANCING_LOCK)))
        yield


def test_noisy_readings_for_hours_never_make_it_flap(scene: Scene) -> None:
    """Two cards are noisy around the limit, and plans are applied at once."""
    scene.workspace.act(lambda s: create_rule(s, {**HOT_RULE, "applies_plans": True}))
    noise = random.Random(7)
    clock, made = 0.0, list[int]()
    moved: dict[int | None, float] = {}
    for _ in range(120):
        seconds = noise.choice([10.0, 40.0, 90.0])
        clock += seconds
        scene.pass_seconds(seconds)
        scene.workspace.act(partial(read_noise, noise=noise))
        plan_ids = scene.system.act(balance)
        made.extend(plan_ids)
        for configuration_id in scene.workspace.read(partial(moved_by, plan_ids=plan_ids)):
            assert clock - moved.get(configuration_id, float("-inf")) >= STAY_SECONDS, "who was moved stays for a while"
            moved[configuration_id] = clock
    assert 0 < len(made) <= 3 * (1 + clock / COOLDOWN_SECONDS)
    assert scene.workspace.read(lambda s: s.scalar(select(func.count()).select_from(PlacementPlan))) == len(made)


def read_noise(session: Session, noise: random.Random) -> None:
    """Two cards read something near the limit, or nothing; the third is cool, but for peaks."""
    near: list[float | None] = [None, 80.0, 82.0, 85.0, 90.0, 90.0]
    cool: list[float | None] = [60.0, 70.0, 75.0, 90.0]
    for gpu_id, readings in enumerate((near, near, cool)):
        celsius = noise.choice(readings)
        values = {"current_temperature_celsius": celsius, "sampled_at": func.clock_timestamp()}
        session.execute(update(GPUResource).where(GPUResource.id == gpu_id).values(**values))


def moved_by(session: Session, plan_ids: tuple[int, ...]) -> list[int | None]:
    """Whom these plans moved."""
    moves = select(PlacementMove.configuration_id).where(PlacementMove.plan_id.in_(plan_ids))
    return list(session.scalars(moves))
