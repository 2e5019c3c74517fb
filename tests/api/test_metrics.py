"""What a monitoring system reads, as Prometheus's own parser understands it."""

from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from sqlalchemy.orm import Session

from helios_core.api.exposition import MEDIA_TYPE, Family, text_of
from helios_core.database.session import SYSTEM
from helios_core.models import (
    AgentProfile,
    Collector,
    GPUAllocation,
    GPUResource,
    GPUSample,
    MultiAgentConversation,
    TaskDelegation,
    TaskDelegationStatus,
)
from helios_core.services.keys import Scope
from tests.api.client import Client
from tests.api.conftest import Api

Value = tuple[dict[str, str], float]


def scraped(client: Client, path: str = "/metrics") -> dict[str, list[Value]]:
    """The values of each name, with their labels."""
    status, media_type, body = got(client, path)
    assert (status, media_type) == (200, MEDIA_TYPE)
    families = text_string_to_metric_families(body)
    found: dict[str, list[Value]] = {}
    for family in families:
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def got(client: Client, path: str) -> tuple[int, str | None, str]:
    connection = HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {client.key}"} if client.key else {})
    answer = connection.getresponse()
    try:
        return answer.status, answer.getheader("content-type"), answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(autouse=True)
def busy(api: Api) -> None:
    """Card 0 was read now and is throttled, card 1 long ago; each member has something under way."""
    now = datetime.now(UTC)
    with api.database.session(SYSTEM) as session:
        session.execute(update(GPUResource).values(health="ok", sampled_at=now - timedelta(hours=1)))
        session.execute(
            update(GPUResource).where(GPUResource.id == 0).values(
                sampled_at=now, driver_version='58"0\\', current_utilization_percent=25, current_memory_used_mb=1024,
                current_temperature_celsius=71, current_power_watts=None,
            )
        )  # fmt: skip
        session.merge(GPUSample(gpu_id=0, sampled_at=now, sm_clock_mhz=1740, fan_percent=50, throttle_reasons=0x4))
        session.merge(Collector(host="here", pid=1, interval_seconds=1, is_simulated=False, last_success_at=now))
        for person in (api.mira, api.otto):
            if not session.query(GPUAllocation).filter_by(user_id=person.principal.user_id).count():
                _work(session, person.principal.user_id or 0)
        session.commit()


def _work(session: Session, user_id: int) -> None:
    session.add_all(
        [
            GPUAllocation(user_id=user_id, gpu_id=0, agent_id="technical_expert", allocated_memory_mb=500),
            MultiAgentConversation(user_id=user_id, title="Under way"),
            TaskDelegation(
                user_id=user_id,
                pm_agent_id="project_manager",
                target_agent_id="technical_expert",
                task_description="Assess.",
                status=TaskDelegationStatus.IN_PROGRESS,
            ),
            AgentProfile(
                user_id=user_id,
                agent_id="technical_expert",
                display_name="Technical Expert",
                total_delegations=5,
                completed_delegations=3,
                failed_delegations=1,
            ),
        ]
    )
    session.flush()


def test_a_card_that_is_read_shows_its_readings_in_base_units(api: Api) -> None:
    values = scraped(api.olga.client)
    card = {"uuid": "GPU-0", "gpu": "0", "host": "here"}
    for name, expected in {
        "helios_gpu_up": 1.0,
        "helios_gpu_memory_total_bytes": 12212 * 1024 * 1024,
        "helios_gpu_memory_used_bytes": 1024 * 1024 * 1024,
        "helios_gpu_memory_allocated_bytes": 1000 * 1024 * 1024,
        "helios_gpu_utilization_ratio": 0.25,
        "helios_gpu_temperature_celsius": 71,
        "helios_gpu_sm_clock_hertz": 1.74e9,
        "helios_gpu_fan_ratio": 0.5,
    }.items():
        assert (card, expected) in values[name], name
    assert values["helios_gpu_throttle"] == [(card | {"reason": "power limit"}, 1.0)]
    assert values["helios_gpu_info"][0][0]["driver_version"] == '58"0\\'
    assert values["helios_collector_up"] == [({"host": "here"}, 1.0)]
    assert values["helios_database_size_bytes"][0][1] > 1e6


def test_what_nobody_knows_or_is_too_old_is_left_out(api: Api) -> None:
    values = scraped(api.olga.client)
    assert "helios_gpu_power_watts" not in values
    assert [labels["gpu"] for labels, _ in values["helios_gpu_temperature_celsius"]] == ["0"]
    assert [value for _, value in values["helios_gpu_up"]] == [1.0, 0.0]
    assert len(values["helios_gpu_memory_total_bytes"]) == 2


def test_work_is_counted_as_far_as_the_keys_user_sees_it(api: Api) -> None:
    for client, users in ((api.mira.client, 1), (api.olga.client, 2)):
        values = scraped(client)
        agent = {"agent": "technical_expert"}
        assert values["helios_conversations"] == [({"phase": "initialization"}, users)]
        assert values["helios_delegations"] == [(agent | {"status": "in_progress"}, users)]
        ended = values["helios_agent_delegations_total"]
        assert (agent | {"status": "completed"}, 3 * users) in ended
        assert (agent | {"status": "failed"}, users) in ended
        assert ({"uuid": "GPU-0", "gpu": "0", "host": "here"}, 500 * users * 1024 * 1024) in values[
            "helios_gpu_memory_allocated_bytes"
        ]


def test_dashboards_made_for_nvidias_exporter_find_its_names_when_asked_for(api: Api) -> None:
    assert not any(name.startswith("DCGM") for name in scraped(api.olga.client))
    values = scraped(api.olga.client, "/metrics?dcgm=1")
    labels = {"gpu": "0", "UUID": "GPU-0", "modelName": "TITAN", "Hostname": "here"}
    assert values["DCGM_FI_DEV_GPU_TEMP"] == [(labels, 71)]
    assert values["DCGM_FI_DEV_GPU_UTIL"] == [(labels, 25)]
    assert values["DCGM_FI_DEV_FB_USED"] == [(labels, 1024)]
    assert values["DCGM_FI_DEV_FB_FREE"] == [(labels, 11188)]


def test_a_key_is_required_on_loopback_too_and_one_that_reads_is_enough(api: Api) -> None:
    status, media_type, body = got(api.nobody, "/metrics")
    assert (status, media_type) == (401, "application/problem+json")
    assert "helios keys create" in body
    assert got(Client(api.port, "hel_wrong"), "/metrics")[0] == 401
    assert scraped(api.key_of(api.mira, Scope.READ))


def test_names_carry_their_unit_and_labels_stay_few(api: Api) -> None:
    values = scraped(api.olga.client)
    assert all(name.startswith("helios_") for name in values)
    labels = {label for found in values.values() for known, _ in found for label in known}
    assert labels <= {
        "version", "host", "uuid", "gpu", "name", "driver_version", "cuda_version", "compute_capability", "simulated",
        "reason", "phase", "agent", "status",
    }  # fmt: skip


def test_text_is_escaped() -> None:
    labels = {"name": 'a "b"\\\n'}
    text = text_of([Family("helios_test", "gauge", "Two\nlines.", ((labels, 1.5), ({"name": "c"}, None)))])
    (family,) = text_string_to_metric_families(text)
    assert [(sample.labels, sample.value) for sample in family.samples] == [(labels, 1.5)]
    assert family.documentation == "Two\nlines."
