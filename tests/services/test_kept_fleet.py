"""The fleet that a process keeps is the one that it would read: whatever was written meanwhile, by whom, and undone."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from helios_core.allocation.explain import explain_now
from helios_core.database.engine import connect
from helios_core.database.server import ServerUrls
from helios_core.database.session import Database, Principal
from helios_core.errors import HeliosError
from helios_core.models import (
    AgentConfiguration,
    AgentProfile,
    Collector,
    GPUAllocation,
    GPUResource,
    LoadBalancingRule,
    ModelFact,
    ModelMeasurement,
    ModelProvider,
    PlacementQuota,
    User,
)
from helios_core.services import kept_fleet, placement
from helios_core.services.agents import edited_configuration, save_configuration
from helios_core.services.constraints import create_constraint
from helios_core.services.fleet import LoadedFleet, load_fleet
from helios_core.services.leases import take_lease
from helios_core.services.rules import create_rule
from helios_core.services.seat_rows import CONFIGURATIONS
from helios_core.services.seats import Seat
from helios_core.services.workspace import Workspace
from tests.services.fleets import MODEL, agent, cards

Change = Callable[[Session, random.Random], Any]
AGENTS = [f"agent_{number}" for number in range(8)]
STEPS = 60


class Undone(Exception):
    """Raised at the end of a transaction that shall not have been."""


@pytest.fixture
def elsewhere(urls: ServerUrls, operator: Principal) -> Iterator[Workspace]:
    """The operator at another process's connections, with a fleet of its own."""
    database = Database(connect(urls.application))
    yield Workspace(database, operator)
    database.close()


def some(session: Session, column: Any, chance: random.Random) -> Any:  # noqa: ANN401 - a column of any type
    """One of the column's values."""
    return chance.choice(session.scalars(select(column).order_by(column)).all() or [None])


def card(**values: Callable[[random.Random], object]) -> Change:
    """A change of one card."""

    def change(session: Session, chance: random.Random) -> None:
        which = GPUResource.id == some(session, GPUResource.id, chance)
        session.execute(update(GPUResource).where(which).values({key: of(chance) for key, of in values.items()}))

    return change


def saved(session: Session, chance: random.Random) -> None:
    """A save of an agent through the form."""
    agent_id = chance.choice(AGENTS)
    changes: dict[str, object] = chance.choice(
        [
            {"allocated_memory_mb": chance.choice([None, 900, 3_000, 14_000]), "assigned_llm": MODEL},
            {"constraints": {"placement": {"affinity": "pair"}}},
            {"constraints": {"placement": {"host_cpu_cores": 2}}},
            {"is_enabled": chance.random() < 0.7},
            {"gpu_assignment": None, "further_gpu_ids": []},
            {"priority": chance.randint(1, 10)},
        ]
    )
    save_configuration(session, agent_id, changes, edited_configuration(session, agent_id).version)


def ruled(session: Session, chance: random.Random) -> None:
    """A rule comes, or all go."""
    if chance.random() < 0.4:
        session.execute(delete(LoadBalancingRule))
    limits: dict[str, object] = {"name": f"rule {chance.random()}", "strategy": chance.choice(["pack", "spread"])}
    create_rule(session, {**limits, "max_temperature_celsius": chance.choice([None, 70]), "priority": 3})


CHANGES: dict[str, Change] = {
    "place": lambda s, chance: placement.place(s, chance.choice(AGENTS)),
    "place there": lambda s, chance: placement.place(s, chance.choice(AGENTS), (some(s, GPUResource.id, chance),)),
    "release": lambda s, chance: placement.release(s, chance.choice(AGENTS)),
    "save": saved,
    "rule": ruled,
    "constraint": lambda s, _: create_constraint(
        s, {"model_provider": "ollama", "model_name": MODEL, "max_agents_per_gpu": 2, "allows_split": True}
    ),
    "lease": lambda s, chance: take_lease(s, "experiment", chance.choice([500, 5_000]), "desk:1", 60),
    "lease gone": lambda s, _: s.execute(delete(GPUAllocation).where(GPUAllocation.agent_id == "experiment")),
    "lost": card(health=lambda chance: chance.choice(["ok", "ok", "lost"])),
    "warm": card(current_temperature_celsius=lambda chance: chance.randint(40, 90)),
    "in use by others": card(current_memory_used_mb=lambda chance: chance.randrange(0, 9_000, 500)),
    "simulated": card(is_simulated=lambda chance: chance.random() < 0.5),
    "reserved": card(reserved_memory_mb=lambda chance: chance.choice([0, 512])),
    "named": card(name=lambda chance: chance.choice(["L40S", "A10"])),
    "measured": lambda s, chance: s.execute(
        update(GPUAllocation)
        .where(GPUAllocation.id == some(s, GPUAllocation.id, chance))
        .values(current_memory_usage_mb=chance.randrange(0, 4_000))
    ),
    "new card": lambda s, chance: cards(s, chance.choice([6_144, 12_288])),
    "host": lambda s, chance: s.merge(
        Collector(host="desk", pid=1, interval_seconds=1.0, is_simulated=True, host_cpu_cores=chance.randint(1, 8))
    ),
    "quota": lambda s, chance: s.add(PlacementQuota(user_id=some(s, User.id, chance), max_memory_mb=4_000)),
    "fact": lambda s, chance: s.add(
        ModelMeasurement(
            model_provider=ModelProvider.OLLAMA,
            model_name=MODEL,
            context_tokens=chance.randint(1, 10_000),
            agents=1,
            readings=40,
            peak_memory_mb=chance.randint(3_000, 9_000),
        )
    ),
    "counted": lambda s, chance: s.execute(
        update(ModelMeasurement)
        .where(ModelMeasurement.id == some(s, ModelMeasurement.id, chance))
        .values(readings=chance.randint(20, 60))
    ),
    "forgotten": lambda s, _: s.execute(delete(ModelFact)),
    "title": lambda s, chance: s.execute(
        update(AgentProfile)
        .where(AgentProfile.agent_id == chance.choice(AGENTS))
        .values(display_name=chance.choice(["Writer", "Critic", f"Agent; {chance.random()}"]))
    ),
    "owner": lambda s, chance: s.execute(
        update(User).where(User.id == some(s, User.id, chance)).values(username=f"user {chance.random()}")
    ),
    "gone": lambda s, chance: s.execute(
        text("DELETE FROM agent_configurations WHERE user_id IS NOT NULL AND id % 2 = :half"),
        {"half": chance.randint(0, 1)},
    ),
}


def told(fleet: LoadedFleet) -> dict[str, object]:
    """All that a decision hangs on."""
    ledger = fleet.placer.ledger
    return {
        "seats": {name: uncounted(seat) for name, seat in fleet.seats.items()},
        "limits": fleet.limits,
        "promises": ledger.promises,
        "cards": [(c.gpu, c.promised_mib, c.free_compute_milli, c.loaded, list(c.agents)) for c in ledger.cards],
        "hosts": [host.state for host in ledger.hosts],
        "groups": ({k: v for k, v in ledger.affinities.items() if v}, ledger.exclusives),
        "owners": {owner: mib for owner, mib in ledger.promised_to_owner_mib.items() if mib},
    }


def uncounted(seat: Seat) -> Seat:
    """The seat without how many readings its memory is known by: that alone decides nothing."""
    return seat if seat.figures is None else replace(seat, figures=replace(seat.figures, readings=0))


def is_as_read(session: Session) -> None:
    """Compare what is kept with what is read, and what either decides."""
    everybody = session.scalars(select(AgentConfiguration.id).order_by(AgentConfiguration.id)).all()
    for configuration_id in everybody[::4]:
        with kept_fleet.fleet_for(session, configuration_id) as (kept, seat):
            read = load_fleet(session, CONFIGURATIONS.c.id == configuration_id)
            if seat.objection is None:
                if seat.gpu_ids:
                    kept.placer.release(seat.name)
                    read.placer.release(seat.name)
                assert explain_now(kept.placer, seat.request).lines == explain_now(read.placer, seat.request).lines
    with kept_fleet.fleet_for(session, configuration_id) as (kept, seat):
        read = load_fleet(session)
        assert told(kept) == told(read)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_written_what_is_kept_is_what_would_be_read(
    seed: int, workspace: Workspace, elsewhere: Workspace, member: Principal, other_member: Principal
) -> None:
    workspace.act(lambda s: cards(s, 12_288, 8_192, 6_144, is_simulated=False))
    for number, agent_id in enumerate(AGENTS):
        workspace.act(lambda s, a=agent_id, n=number: agent(s, a, 1_000 * (1 + n % 4)))  # type: ignore[misc]
    for owner in (member, other_member):
        for agent_id in AGENTS[:4]:
            workspace.on_behalf_of(owner).act(lambda s, a=agent_id: placement.place(s, a))  # type: ignore[misc]
    chance = random.Random(seed)
    kinds = sorted(CHANGES) * (STEPS // len(CHANGES) + 1)
    chance.shuffle(kinds)
    for kind in kinds[:STEPS]:
        who = chance.choice([workspace, elsewhere, elsewhere.on_behalf_of(member)])
        is_undone = chance.random() < 0.25

        def change(session: Session, kind: str = kind, who: Workspace = who, is_undone: bool = is_undone) -> None:
            CHANGES[kind](session, chance)
            session.flush()
            if is_undone:
                if who.principal.sees_all:
                    is_as_read(session)
                raise Undone

        with suppress(HeliosError, DBAPIError, Undone):
            who.act(change)
        workspace.read(is_as_read)
