"""The cards as readers see them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from helios_core.database.session import SYSTEM, Database, Principal
from helios_core.models import Collector, GPUAllocation, GPUResource, GPUSample
from helios_core.services.workspace import Workspace
from helios_core.telemetry import store
from helios_core.telemetry.health import Verdict
from helios_core.telemetry.readings import CardReading, ProcessReading
from helios_core.telemetry.simulated import identity, reading
from helios_core.telemetry.store import Sample
from helios_core.views.gpus import collector_state, list_gpus
from tests.telemetry.samples import card, enlist

POWER_LIMIT, THERMAL = 0x4, 0x20


def sample(session: Session, gpu_id: int, seconds_ago: float = 0, **values: Any) -> None:  # noqa: ANN401
    """A card's latest reading, so long ago by the database's clock."""
    at = store.database_now(session) - timedelta(seconds=seconds_ago)
    samples = [Sample(gpu_id, at, card(**values))]
    store.write_samples(session, samples)
    store.write_current(session, samples)
    store.write_processes(session, samples, at)


def collector(session: Session, interval_seconds: float, seconds_ago: float = 0, host: str = "lab") -> None:
    """A collector that lived so long ago."""
    at = store.database_now(session) - timedelta(seconds=seconds_ago)
    session.merge(
        Collector(host=host, pid=1, interval_seconds=interval_seconds, is_simulated=False, last_success_at=at)
    )


def promise(session: Session, user: Principal, gpu_id: int, agent_id: str, mib: int) -> None:
    """A live promise to an agent of `user`."""
    session.add(GPUAllocation(user_id=user.user_id, gpu_id=gpu_id, agent_id=agent_id, allocated_memory_mb=mib))
    session.flush()


def test_a_card_shows_its_latest_reading_and_its_age(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        collector(session, interval_seconds=1)
        sample(session, gpu_id, 30, power_watts=10.0)
        sample(
            session,
            gpu_id,
            2,
            utilization_percent=87,
            memory_used_mb=9000,
            temperature_celsius=81,
            power_watts=301.5,
            sm_clock_mhz=1980,
            fan_percent=40,
            throttle_reasons=POWER_LIMIT | THERMAL,
            processes=(
                ProcessReading(10, "small", 100),
                ProcessReading(11, "large", 8000),
                ProcessReading(12, None, None),
            ),
        )
        [seen] = list_gpus(session)
    assert (seen.utilization_percent, seen.memory_used_mib, seen.power_watts) == (87, 9000, 301.5)
    assert (seen.sm_clock_mhz, seen.fan_percent, seen.memory_clock_mhz) == (1980, 40, None)
    assert seen.throttled_by == ("power limit", "thermal slowdown by software")
    assert [process.pid for process in seen.processes] == [11, 10, 12]
    assert not seen.is_stale
    assert seen.age_seconds is not None
    assert 2 <= seen.age_seconds < 5


def test_a_card_without_a_recent_reading_is_stale(database: Database) -> None:
    with database.session(SYSTEM) as session:
        silent, old, slow = enlist(session), enlist(session, host="old"), enlist(session, host="slow")
        collector(session, interval_seconds=1, host="old")
        collector(session, interval_seconds=10, host="slow")
        sample(session, old[0], 8, power_watts=10.0)
        sample(session, slow[0], 8, power_watts=10.0)
        by_id = {seen.id: seen for seen in list_gpus(session)}
    assert by_id[silent[0]].is_stale
    assert by_id[silent[0]].age_seconds is None
    assert by_id[old[0]].state == "stale"
    assert by_id[slow[0]].state == "ok"


def test_a_lost_card_stays_lost_however_old_its_reading_is(database: Database) -> None:
    with database.session(SYSTEM) as session:
        enlisted = store.enlist(session, "lab", card(), Verdict("lost", "It fell off the bus."))
        sample(session, enlisted.id, 3600, power_watts=10.0)
        [seen] = list_gpus(session)
    assert (seen.state, seen.health_message) == ("lost", "It fell off the bus.")


def test_what_a_card_cannot_report_is_said_with_the_reason(database: Database) -> None:
    with database.session(SYSTEM) as session:
        store.enlist(session, "lab", card(unsupported={"fan_percent": "not reported by this GPU"}), Verdict("ok"))
        [seen] = list_gpus(session)
    assert seen.unsupported == {"fan_percent": "not reported by this GPU"}
    assert seen.fan_percent is None


def test_promises_are_shown_by_agent_the_greatest_first(workspace: Workspace, operator: Principal) -> None:
    def promised(session: Session) -> None:
        first, second = enlist(session, 2)
        promise(session, operator, first, "data_analyst", 2000)
        promise(session, operator, first, "technical_expert", 6500)
        promise(session, operator, second, "data_analyst", 700)

    workspace.act(promised)
    first, second = workspace.read(list_gpus)
    assert [(promise.agent_id, promise.allocated_mib) for promise in first.promises] == [
        ("technical_expert", 6500),
        ("data_analyst", 2000),
    ]
    assert (first.promised_mib, second.promised_mib) == (8500, 700)


def test_released_promises_are_gone(workspace: Workspace, operator: Principal) -> None:
    def promised(session: Session) -> None:
        [gpu_id] = enlist(session)
        promise(session, operator, gpu_id, "data_analyst", 2000)
        session.execute(text("UPDATE gpu_allocations SET released_at = now()"))

    workspace.act(promised)
    [seen] = workspace.read(list_gpus)
    assert seen.promises == ()


def test_a_member_sees_every_card_and_only_their_own_promises(
    workspace: Workspace, member: Principal, other_member: Principal
) -> None:
    def promised(session: Session) -> None:
        [gpu_id] = enlist(session)
        promise(session, member, gpu_id, "data_analyst", 2000)
        promise(session, other_member, gpu_id, "technical_expert", 6500)

    workspace.act(promised)
    [seen] = workspace.on_behalf_of(member).read(list_gpus)
    assert [promise.agent_id for promise in seen.promises] == ["data_analyst"]


def test_simulated_cards_that_are_switched_off_are_not_shown(database: Database) -> None:
    with database.session(SYSTEM) as session:
        simulated = CardReading(identity(0), reading(0, 0.0))
        enlisted = store.enlist(session, "lab", simulated, Verdict("ok"))
        assert [seen.is_simulated for seen in list_gpus(session)] == [True]
        store.retire(session, enlisted)
        assert list_gpus(session) == ()


def test_a_card_that_an_operator_switched_off_is_shown(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        session.get_one(GPUResource, gpu_id).is_enabled = False
        session.flush()
        assert [seen.is_enabled for seen in list_gpus(session)] == [False]


def test_without_cards_there_is_nothing(database: Database) -> None:
    with database.session(SYSTEM) as session:
        assert list_gpus(session) == ()
        assert collector_state(session) == ()


def test_a_collector_is_alive_while_it_beats(database: Database) -> None:
    with database.session(SYSTEM) as session:
        collector(session, interval_seconds=1, seconds_ago=2, host="alive")
        collector(session, interval_seconds=1, seconds_ago=60, host="dead")
        collector(session, interval_seconds=30, seconds_ago=60, host="slow")
        session.flush()
        alive = {state.host: state.is_alive for state in collector_state(session)}
    assert alive == {"alive": True, "dead": False, "slow": True}


def test_a_card_whose_sample_has_expired_still_shows_what_the_inventory_knows(database: Database) -> None:
    with database.session(SYSTEM) as session:
        [gpu_id] = enlist(session)
        sample(session, gpu_id, 5, power_watts=99.0, sm_clock_mhz=1500)
        session.execute(delete(GPUSample))
        [seen] = list_gpus(session)
    assert (seen.power_watts, seen.sm_clock_mhz, seen.throttled_by) == (99.0, None, None)
