"""The collector as it runs: a real database, a real probe process, cards that fail."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from helios_core.database.server import ServerUrls
from helios_core.database.session import SYSTEM, Database
from helios_core.errors import UnsafeRole
from helios_core.models import Collector, GPUEvent, GPUProcess, GPUResource
from helios_core.settings import Settings
from helios_core.telemetry import probe_process, record
from helios_core.telemetry.collector import run_collector
from helios_core.telemetry.faults import FAULTS, MISSING, NO_CARDS
from helios_core.telemetry.probe_process import ProbeProcess
from helios_core.telemetry.source import SIMULATED_ONLY
from helios_core.telemetry.store import RETIRED
from tests.conftest import administrator_of, execute
from tests.telemetry.conftest import Collect, Script
from tests.waiting import eventually

TERMINATE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


def rows(database: Database, statement: str, **values: object) -> Sequence[Any]:
    """What a statement finds."""
    with database.session(SYSTEM) as session:
        return session.execute(text(statement), values).all()


def is_there(database: Database) -> bool:
    """Whether the database lets anybody in."""
    try:
        return bool(rows(database, "SELECT"))
    except OperationalError:
        return False


def cards(database: Database) -> list[GPUResource]:
    """The inventory."""
    with database.session(SYSTEM) as session:
        return session.query(GPUResource).order_by(GPUResource.id).all()


def health(database: Database) -> list[str]:
    """The health of every card, by number."""
    return [card.health for card in cards(database)]


def sample_count(database: Database, gpu_id: int) -> int:
    """How many samples a card has."""
    return int(rows(database, "SELECT count(*) FROM gpu_samples WHERE gpu_id = :id", id=gpu_id)[0][0])


def test_simulated_cards_stand_in_where_there_is_no_gpu(collect: Collect, database: Database, script: Script) -> None:
    script(cards=0)
    collect()
    assert eventually(lambda: len(cards(database)) == 3 and sample_count(database, 2) > 3)
    assert [card.id for card in cards(database)] == [0, 1, 2]
    for card in cards(database):
        assert card.name == "RTX Titan X"
        assert (card.total_memory_mb, card.power_limit_watts) == (12288, 250)
        assert card.is_simulated
        assert card.is_enabled
        assert card.uuid.startswith("SIM-")
        assert card.sampled_at is not None
        assert card.current_power_watts is not None
    with database.session(SYSTEM) as session:
        [collector] = session.query(Collector).all()
        assert collector.is_simulated
        assert collector.message == f"{NO_CARDS.message} These GPUs are simulated."
        assert collector.host_cpu_cores == os.cpu_count(), "the host is real"
        assert (collector.host_memory_mb or 0) > 256
        assert session.query(GPUProcess).count() > 0


def test_real_cards_come_in_the_order_of_the_driver(collect: Collect, database: Database) -> None:
    collect()
    assert eventually(lambda: len(cards(database)) == 3 and sample_count(database, 2) > 3)
    assert [(card.id, card.uuid, card.nvml_index) for card in cards(database)] == [
        (0, "GPU-0", 0),
        (1, "GPU-1", 1),
        (2, "GPU-2", 2),
    ]
    first = cards(database)[0]
    assert (first.health, first.host, first.total_memory_mb, first.driver_version) == ("ok", "lab", 81559, "590.48.01")
    assert first.current_memory_used_mb == 19818
    assert rows(database, "SELECT FROM gpu_events") == []


def test_no_card_is_simulated_where_that_is_switched_off(collect: Collect, database: Database, script: Script) -> None:
    script(cards=0)
    collect(simulated_gpus=False)
    assert eventually(lambda: rows(database, "SELECT FROM collectors WHERE message = :said", said=NO_CARDS.message))
    assert cards(database) == []


def test_simulated_cards_retire_when_real_ones_come(
    collect: Collect, database: Database, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_process, "RETRY_SECONDS", 0.2)
    script(cards=0)
    collect()
    assert eventually(lambda: len(cards(database)) == 3)
    script(cards=2)
    assert eventually(lambda: len(cards(database)) == 5 and not cards(database)[2].is_enabled)
    simulated, real = cards(database)[:3], cards(database)[3:]
    assert all((card.nvml_index, card.health_message) == (None, RETIRED) for card in simulated)
    assert all(card.is_enabled and not card.is_simulated for card in real)
    script(nvmlDeviceGetCount_v2={"*": 9})
    assert eventually(lambda: health(database)[3:] == ["unknown", "unknown"])
    assert not any(card.is_enabled for card in cards(database)[:3])


def test_retired_cards_come_back_when_only_simulated_ones_are_asked_for(collect: Collect, database: Database) -> None:
    simulating = collect(simulated_gpus=True)
    assert eventually(lambda: len(cards(database)) == 3)
    simulating.end()
    reading = collect(simulated_gpus=False)
    assert eventually(lambda: len(cards(database)) == 6 and not any(card.is_enabled for card in cards(database)[:3]))
    reading.end()
    collect(simulated_gpus=True)
    assert eventually(lambda: all(card.is_enabled for card in cards(database)[:3]))
    assert eventually(lambda: health(database)[3:] == ["unknown"] * 3)
    assert {card.health_message for card in cards(database)[3:]} == {SIMULATED_ONLY}
    assert len(cards(database)) == 6


def test_a_lost_card_is_one_card_and_one_sentence(collect: Collect, database: Database, script: Script) -> None:
    collect()
    assert eventually(lambda: health(database) == ["ok"] * 3)
    script(nvmlDeviceGetTemperature={1: 15})
    assert eventually(lambda: health(database) == ["ok", "lost", "ok"])
    assert cards(database)[1].health_message == FAULTS[15].message
    with database.session(SYSTEM) as session:
        [event] = session.query(GPUEvent).all()
    assert (event.gpu_id, event.severity, event.message) == (1, "critical", FAULTS[15].message)
    stopped_at, going = sample_count(database, 1), sample_count(database, 2)
    assert eventually(lambda: sample_count(database, 2) > going + 5)
    assert sample_count(database, 1) <= stopped_at + 1


def test_a_card_that_the_driver_no_longer_lists_is_missing(
    collect: Collect, database: Database, script: Script, probe: ProbeProcess
) -> None:
    collect()
    assert eventually(lambda: health(database) == ["ok"] * 3)
    script(cards=2)
    os.kill(probe.pid or 0, signal.SIGKILL)
    assert eventually(lambda: health(database) == ["ok", "ok", "lost"])
    assert cards(database)[2].health_message == MISSING.message


def test_a_driver_that_was_upgraded_leaves_the_cards_unknown_until_it_answers(
    collect: Collect, database: Database, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_process, "RETRY_SECONDS", 0.2)
    collect()
    assert eventually(lambda: health(database) == ["ok"] * 3)
    script(nvmlDeviceGetCount_v2={"*": 18})
    assert eventually(lambda: health(database) == ["unknown"] * 3)
    assert {card.health_message for card in cards(database)} == {FAULTS[18].message}
    assert rows(database, "SELECT message FROM collectors")[0][0] == FAULTS[18].message
    script()
    assert eventually(lambda: health(database) == ["ok"] * 3)
    said = [message for (message,) in rows(database, "SELECT message FROM gpu_events WHERE gpu_id IS NULL ORDER BY id")]
    assert said == [FAULTS[18].message, record.ANSWERS_AGAIN]


@pytest.mark.parametrize("misbehaviour", ["hang", "crash"])
def test_the_other_cards_go_on_when_one_stops_the_probe(
    collect: Collect, database: Database, script: Script, misbehaviour: str
) -> None:
    collect()
    assert eventually(lambda: health(database) == ["ok"] * 3)
    script(nvmlDeviceGetFanSpeed={1: misbehaviour})
    assert eventually(lambda: health(database) == ["ok", "unknown", "ok"])
    going = sample_count(database, 2)
    assert eventually(lambda: sample_count(database, 2) > going + 5)


def test_what_a_card_cannot_report_is_written_beside_it(collect: Collect, database: Database, script: Script) -> None:
    script(nvmlDeviceGetFanSpeed={0: 3})
    collect()
    assert eventually(lambda: len(cards(database)) == 3 and sample_count(database, 0) > 1)
    assert cards(database)[0].unsupported == {"fan_percent": "not reported by this GPU"}
    assert cards(database)[1].unsupported == {}
    assert rows(database, "SELECT FROM gpu_samples WHERE gpu_id = 0 AND fan_percent IS NOT NULL") == []


def test_readings_are_kept_while_the_database_is_away(
    collect: Collect, database: Database, template: ServerUrls
) -> None:
    collect(simulated_gpus=True)
    assert eventually(lambda: len(cards(database)) == 3 and sample_count(database, 0) > 3)
    name = database.engine.url.database
    with administrator_of(template) as administrator, database.session(SYSTEM) as session:
        session.execute(text("SELECT 1"))
        execute(administrator, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        session.execute(text(TERMINATE_OTHERS))
        session.close()
        database.engine.dispose()
        assert not eventually(lambda: is_there(database), within_seconds=2)
        execute(administrator, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    before = sample_count(database, 0)
    assert eventually(lambda: sample_count(database, 0) > before + 15)
    gaps = rows(
        database,
        "SELECT extract(epoch FROM max(gap)) FROM ("
        "SELECT sampled_at - lag(sampled_at) OVER (ORDER BY sampled_at) AS gap FROM gpu_samples WHERE gpu_id = 0) AS g",
    )
    assert gaps[0][0] < 1


def test_only_one_collector_reads_a_host(
    collect: Collect, database: Database, script_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helios_core.telemetry.writer.STANDBY_SECONDS", 0.2)
    first = collect()
    assert eventually(lambda: interval_of(database, "lab") == 0.1)
    second = collect(sample_interval_seconds=0.25, probe=another_probe(script_file))
    collect(host="elsewhere", simulated_gpus=True, probe=another_probe(script_file))
    assert eventually(lambda: len(cards(database)) == 6)
    assert not eventually(lambda: interval_of(database, "lab") == 0.25, within_seconds=1)
    first.end()
    assert eventually(lambda: interval_of(database, "lab") == 0.25)
    second.end()


def another_probe(script_file: Path) -> ProbeProcess:
    """A second probe over the same double."""
    return ProbeProcess((sys.executable, "-m", "tests.telemetry.unruly_probe", str(script_file)))


def test_cards_move_with_a_host_that_is_renamed(collect: Collect, database: Database, script_file: Path) -> None:
    before = collect(host="container-1")
    assert eventually(lambda: len(cards(database)) == 3)
    before.end()
    collect(host="container-2", probe=another_probe(script_file))
    assert eventually(lambda: [card.host for card in cards(database)] == ["container-2"] * 3)
    assert eventually(lambda: health(database) == ["ok"] * 3)
    assert rows(database, "SELECT host FROM collectors") == [("container-2",)]


def interval_of(database: Database, host: str) -> float:
    """The interval of the collector that reads `host`; 0 where none does."""
    found = rows(database, "SELECT interval_seconds FROM collectors WHERE host = :host", host=host)
    return float(found[0][0]) if found else 0.0


def test_stopping_writes_what_is_left_within_a_second(collect: Collect, database: Database) -> None:
    collecting = collect(simulated_gpus=True)
    assert eventually(lambda: len(cards(database)) == 3 and sample_count(database, 0) > 5)
    began = monotonic()
    collecting.end()
    assert monotonic() - began < 2
    rolled = rows(database, "SELECT sum(sample_count) FROM gpu_sample_rollups WHERE resolution_seconds = 3600")
    assert rolled[0][0] == rows(database, "SELECT count(*) FROM gpu_samples")[0][0]


def test_samples_lie_in_the_partition_of_their_day(collect: Collect, database: Database) -> None:
    collecting = collect(simulated_gpus=True)
    assert eventually(lambda: len(cards(database)) == 3 and sample_count(database, 0) > 5)
    collecting.end()
    days = rows(database, "SELECT DISTINCT tableoid::regclass::text FROM gpu_samples")
    assert all(day.startswith("gpu_samples_2") for (day,) in days)


def test_a_role_that_sees_too_much_is_refused(urls: ServerUrls, probe: ProbeProcess) -> None:

    settings = Settings(database_url=urls.owner, simulated_gpus=True)
    with pytest.raises(UnsafeRole):
        run_collector(settings, Event(), host="lab", probe=probe)


def test_the_command_collects_until_it_is_told_to_end(urls: ServerUrls, database: Database) -> None:
    environment = {
        **os.environ,
        "HELIOS_DATABASE_URL": urls.application.get_secret_value(),
        "HELIOS_SIMULATED_GPUS": "true",
    }
    with subprocess.Popen([sys.executable, "-m", "helios_core", "collect"], env=environment) as command:
        assert eventually(lambda: len(cards(database)) == 3, within_seconds=20)
        command.terminate()
        assert command.wait(timeout=3) == 0
