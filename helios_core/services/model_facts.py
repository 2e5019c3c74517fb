"""What providers tell of models, kept for the estimate of their memory."""

import asyncio
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from helios_core.errors import ProviderError
from helios_core.models import AgentConfiguration, ModelFact, ModelProvider
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.memory import QuantisedModel
from helios_core.services.workspace import Workspace


def learn(workspace: Workspace, endpoint: Endpoint, names: Collection[str]) -> None:
    """Ask an Ollama what those of its models are that agents use and it has told nothing of yet.

    Nothing is asked on behalf of who may not write what holds for all, and no transaction waits for the answers.
    """
    if endpoint.provider != "ollama" or endpoint.is_rehearsal or not workspace.principal.sees_all:
        return
    wanted = workspace.read(lambda session: wanted_facts(session, ModelProvider.OLLAMA)).intersection(names)
    told = asyncio.run(_told(endpoint, sorted(wanted))) if wanted else {}
    if told:
        workspace.act(lambda session: keep_facts(session, ModelProvider.OLLAMA, told))


def wanted_facts(session: Session, provider: ModelProvider) -> frozenset[str]:
    """The models that agents are configured with, and of which the provider has told nothing yet."""
    told = select(ModelFact.model_name).where(ModelFact.model_provider == provider)
    used = select(AgentConfiguration.assigned_llm).where(
        AgentConfiguration.model_provider == provider, AgentConfiguration.assigned_llm.not_in(told)
    )
    return frozenset(session.scalars(used))


def keep_facts(session: Session, provider: ModelProvider, told: Mapping[str, QuantisedModel]) -> None:
    """Keep what a provider told of its models, in place of what it told before."""
    statement = insert(ModelFact).values(
        [
            {"model_provider": provider, "model_name": name, "architecture": model.as_json()}
            for name, model in told.items()
        ]
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["model_provider", "model_name"], set_={"architecture": statement.excluded.architecture}
        )
    )


async def _told(endpoint: Endpoint, names: Collection[str]) -> dict[str, QuantisedModel]:
    """What the server tells; what it does not tell is left out."""
    from helios_core.providers.ollama import Client  # noqa: PLC0415 - only where there is one to ask

    client, told = Client(endpoint), {}
    try:
        for name in names:
            model = (await client.describe(name)).estimated
            if model is not None:
                told[name] = model
    except ProviderError:  # the estimate does without
        pass
    finally:
        await client.aclose()
    return told
