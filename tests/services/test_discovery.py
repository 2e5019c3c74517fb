"""What a provider's own list says, and what is said where there is none."""

from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from helios_core.models import AgentConfiguration, ModelProvider
from helios_core.providers.memory import estimate
from helios_core.services import providers
from helios_core.services.discovery import list_models
from helios_core.services.memory import MemoryBook
from helios_core.services.model_facts import wanted_facts
from helios_core.services.workspace import Workspace
from tests.providers.served import served
from tests.providers.wire import Wire


def test_models_come_from_the_enabled_model_server_and_are_kept_for_a_while(
    workspace: Workspace, tmp_path: Path
) -> None:
    wire = Wire()
    with served(wire.app()) as port:
        values = {"provider": "ollama", "name": "Ollama", "address": f"http://127.0.0.1:{port}/ollama"}
        workspace.act(partial(providers.create_endpoint, values=values))
        found = [list_models(workspace, "ollama", tmp_path) for _ in range(3)]
    assert [model.name for model in found[0].models] == ["alpha", "zeta"]
    assert (found[0].server, found[0].problem, found[0].is_rehearsal) == ("Ollama", None, False)
    assert found[0] == found[1] == found[2]
    assert len(wire.headers) == 1


def test_what_an_ollama_tells_of_the_teams_models_is_kept_for_their_estimate(
    workspace: Workspace, tmp_path: Path
) -> None:
    def configure(session: Session) -> None:
        for agent_id, model in (("reader", "alpha"), ("writer", "zeta"), ("critic", "omega")):
            configuration = AgentConfiguration(
                agent_id=agent_id, assigned_llm=model, model_provider=ModelProvider.OLLAMA
            )
            session.add(configuration)
        session.flush()

    workspace.act(configure)
    with served(Wire().app()) as port:
        values = {"provider": "ollama", "name": "Ollama", "address": f"http://127.0.0.1:{port}/ollama"}
        workspace.act(partial(providers.create_endpoint, values=values))
        list_models(workspace, "ollama", tmp_path)
    figures = workspace.read(lambda s: MemoryBook.load(s).figures(ModelProvider.OLLAMA, "alpha", 8192))
    assert figures is not None
    assert figures.estimate == estimate("llama3.1:8b", 8192)
    assert workspace.read(lambda s: wanted_facts(s, ModelProvider.OLLAMA)) == {"zeta", "omega"}


def test_an_outage_is_said_and_is_no_empty_list(workspace: Workspace, tmp_path: Path) -> None:
    values = {"provider": "openai", "name": "vLLM", "address": "http://127.0.0.1:9/v1"}
    workspace.act(partial(providers.create_endpoint, values=values))
    assert "check that vLLM runs" in (list_models(workspace, "openai", tmp_path).problem or "")
    assert "an operator adds one" in (list_models(workspace, "google", tmp_path).problem or "")
