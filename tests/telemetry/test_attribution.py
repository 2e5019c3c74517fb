"""From processes to models to agents; what cannot be told stays unknown."""

from sqlalchemy import select

from helios_core.models import GPUAllocation, GPUResource, ModelMeasurement, ModelProvider
from helios_core.services import placement
from helios_core.services.constraints import create_constraint
from helios_core.services.memory import ENOUGH_READINGS, MemoryBook
from helios_core.services.workspace import Workspace
from helios_core.telemetry.attribution import Claim, attribute, write_usage
from helios_core.telemetry.readings import ProcessReading
from helios_core.telemetry.simulated import SimulatedCards
from helios_core.views.placement import placement_map
from tests.services.fleets import MODEL, agent, cards


def claim(allocation_id: int, model: str, promised_mib: int = 1_000, context_tokens: int = 4_096) -> Claim:
    return Claim(allocation_id, 0, None, "ollama", model, context_tokens, promised_mib)


def shares(processes: list[tuple[str | None, int | None]], claims: list[Claim]) -> dict[int, int]:
    readings = [ProcessReading(pid, name, memory) for pid, (name, memory) in enumerate(processes)]
    return {key: mib for use in attribute(readings, claims) for key, mib in use.shares().items()}


def test_a_process_that_names_its_model_is_shared_in_the_proportion_of_the_promises() -> None:
    found = shares(
        [("ollama runner llama3.1:8b", 8_000), ("Xorg", 300)], [claim(1, MODEL, 6_000), claim(2, MODEL, 2_000)]
    )
    assert found == {1: 6_000, 2: 2_000}


def test_the_only_server_serves_the_only_model_that_is_left() -> None:
    assert shares([("/usr/bin/ollama", 5_000), ("python train.py", 900)], [claim(1, MODEL)]) == {1: 5_000}


def test_what_cannot_be_told_stays_unknown() -> None:
    two = [claim(1, "a:1b"), claim(2, "b:1b")]
    assert shares([("/usr/bin/ollama", 5_000), ("/usr/bin/ollama", 900)], two) == {}
    assert shares([("python train.py", 5_000)], [claim(1, "a:1b")]) == {}
    assert shares([("ollama runner a:1b", None)], [claim(1, "a:1b")]) == {}


def test_of_one_model_with_two_contexts_the_larger_promise_is_the_larger_process() -> None:
    claims = [claim(1, MODEL, 9_000, 32_768), claim(2, MODEL, 6_000)]
    assert shares([(f"runner {MODEL}", 5_500), (f"runner {MODEL}", 8_700)], claims) == {1: 8_700, 2: 5_500}


def test_usage_is_written_beside_the_promise_and_real_cards_correct_the_estimate(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 24_576, is_simulated=False), agent(s, "writer", None, assigned_llm=MODEL)))
    workspace.act(lambda s: placement.place(s, "writer"))
    seen = {0: (ProcessReading(7, "/usr/bin/ollama", 7_000),)}
    for _ in range(ENOUGH_READINGS):
        workspace.act(lambda s: write_usage(s, seen))
    [allocation] = workspace.read(lambda s: s.scalars(select(GPUAllocation)).all())
    assert allocation.current_memory_usage_mb == 7_000
    figures = workspace.read(lambda s: MemoryBook.load(s).figures(ModelProvider.OLLAMA, MODEL, None))
    assert figures is not None
    assert (figures.corrected_mib, figures.readings) == (7_000, ENOUGH_READINGS)
    assert figures.estimated_mib not in {None, 7_000}, "both are shown"
    longer = workspace.read(lambda s: MemoryBook.load(s).figures(ModelProvider.OLLAMA, MODEL, 8_192))
    assert longer is not None
    assert longer.corrected_mib == 7_000 + 512, "a longer context adds its cache of keys and values"
    workspace.act(lambda s: write_usage(s, {0: ()}))
    [allocation] = workspace.read(lambda s: s.scalars(select(GPUAllocation)).all())
    assert allocation.current_memory_usage_mb is None


def test_a_part_of_a_divided_model_is_used_memory_and_tells_nothing_of_the_whole(workspace: Workspace) -> None:
    values = {"model_provider": "ollama", "model_name": MODEL, "allows_split": True}
    workspace.act(lambda s: (create_constraint(s, values), cards(s, 12_288, 12_288, is_simulated=False)))
    workspace.act(lambda s: (agent(s, "writer", 18_000, assigned_llm=MODEL), placement.place(s, "writer")))
    for gpu_id in (0, 1):
        workspace.act(lambda s, g=gpu_id: write_usage(s, {g: (ProcessReading(7, "/usr/bin/ollama", 8_000),)}))  # type: ignore[misc]
    assert [a.measured_mib for a in workspace.read(placement_map).cards[0].agents] == [16_000]
    assert workspace.read(lambda s: s.scalars(select(ModelMeasurement)).all()) == []


def test_simulated_cards_show_what_was_promised_and_correct_nothing(workspace: Workspace) -> None:
    workspace.act(lambda s: (cards(s, 12_288), agent(s, "writer", 6_000, assigned_llm=MODEL)))
    workspace.act(lambda s: placement.place(s, "writer"))
    [first, *_] = SimulatedCards(lambda: 1_000.0).sweep({0: {MODEL: 6_000}}).cards
    assert first.reading.processes is not None
    [process] = first.reading.processes
    assert 5_400 <= (process.memory_used_mb or 0) <= 6_000
    workspace.act(lambda s: write_usage(s, {0: first.reading.processes or ()}))
    [allocation] = workspace.read(lambda s: s.scalars(select(GPUAllocation)).all())
    assert allocation.current_memory_usage_mb == process.memory_used_mb
    assert workspace.read(lambda s: s.scalars(select(ModelMeasurement)).all()) == []
    assert workspace.read(lambda s: s.scalars(select(GPUResource.is_simulated)).all()) == [True]
