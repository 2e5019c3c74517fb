from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.models import GPUResource
from helios_core.services.workspace import Workspace
from helios_core.views.conversation_gpus import GpuDuring, conversation_gpus
from helios_core.views.delegations import now
from tests.views import scenes

HELD_SECONDS = 100


def held(workspace: Workspace, *, source: str = "live", on_gpu: int | None = None) -> tuple[GpuDuring, ...]:
    """The cards of a conversation that was held until now, while two cards were read."""

    def scene(session: Session) -> int:
        end = now(session)
        start = end - timedelta(seconds=HELD_SECONDS)
        for number in range(3):
            session.add(GPUResource(uuid=f"GPU-{number}", name="Test card", host="here", total_memory_mb=12288))
        session.flush()
        session.execute(
            text(
                "INSERT INTO gpu_samples (gpu_id, sampled_at, utilization_percent, throttle_reasons) "
                "SELECT gpu, at, 40, CASE WHEN gpu = 1 THEN 32 ELSE 1 END FROM generate_series(0, 1) AS gpu, "
                "generate_series(cast(:start AS timestamptz), cast(:end AS timestamptz), interval '1 second') AS at"
            ),
            {"start": start, "end": end},
        )
        talk = scenes.conversation(session, source=source, started_at=start, ended_at=end)
        scenes.delegation(session, talk, "data_analyst", gpu_id=on_gpu)
        return talk.id

    conversation_id = workspace.act(scene)
    return workspace.read(lambda session: conversation_gpus(session, conversation_id))


def test_cards_that_were_read_in_that_time_stand_beside_the_conversation(workspace: Workspace) -> None:
    found = held(workspace)
    assert [gpu.gpu_id for gpu in found] == [0, 1]
    assert set(found[0].utilization_percent[1:-1]) == {40.0}
    assert found[0].step_seconds * len(found[0].utilization_percent) == pytest.approx(HELD_SECONDS, abs=6)
    assert {span.reasons for span in found[1].throttling} == {("thermal slowdown by software",)}


def test_where_the_delegations_ran_is_shown_alone_if_it_was_recorded(workspace: Workspace) -> None:
    assert [gpu.gpu_id for gpu in held(workspace, on_gpu=1)] == [1]


@pytest.mark.parametrize("source", ["import", "sample"])
def test_what_was_not_held_here_has_no_cards_beside_it(workspace: Workspace, source: str) -> None:
    assert held(workspace, source=source) == ()
