"""Agents: the roster, and how each has done."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from helios_core.api.access import Reader, Writer
from helios_core.api.configurations import SavedConfiguration
from helios_core.api.paging import Listing, all_of
from helios_core.api.resources import AGENT_ID, NO_ZERO_CHARACTER, ONE_LINE, AgentId, JsonBody, Like, Resource
from helios_core.services import agents as services
from helios_core.services.configurations import ConfigurationFields
from helios_core.services.editing import Fields
from helios_core.views import agents as views

router = APIRouter(prefix="/agents", tags=["agents"])


class Task(Resource):
    """What an agent has to do: the newest delegation to it that has not ended."""

    delegation_id: int = Field(examples=[31])
    conversation_id: int | None = Field(examples=[12])
    description: str = Field(examples=["Assess what the move costs."])
    is_waiting: bool = Field(description="Whether nobody works on it yet.")
    since: datetime = Field(examples=["2026-11-22T12:38:00Z"])
    progress_percent: int | None = Field(description="0 to 100 %.", examples=[40])


class Agent(Resource):
    """One agent, as it is for the user of the key."""

    agent_id: str = Field(examples=["technical_expert"])
    name: str = Field(examples=["Technical Expert"])
    description: str = Field(examples=["Judges whether and how something can be built."])
    capabilities: list[str] = Field(examples=[["architecture", "code review"]])
    status: str = Field(description="online, working, idle, offline, error or overloaded.", examples=["working"])
    status_since: datetime | None = Field(examples=["2026-11-22T12:38:00Z"])
    status_note: str | None = Field(examples=["out of memory"])
    last_active_at: datetime | None = Field(examples=["2026-11-22T12:40:05Z"])
    task: Task | None
    model_name: str | None = Field(examples=["qwen2.5:14b"])
    model_provider: str | None = Field(examples=["ollama"])
    gpu_id: int | None = Field(description="The card that it is to run on.", examples=[1])
    further_gpu_ids: list[int] = Field(description="The other cards, where it is on several at once.", examples=[[]])
    allocated_memory_mb: int | None = Field(description="What is promised to it, in MiB.", examples=[9000])
    priority: int | None = Field(description="1 (last) to 10 (first).", examples=[5])
    is_enabled: bool
    version: int | None = Field(description="The version of its configuration.", examples=[3])
    is_own: bool = Field(description="Whether the user has a configuration of their own beside the default.")


class Answer(Resource):
    """One answer in figures; what nobody measured is null."""

    created_at: datetime = Field(examples=["2026-11-22T12:40:05Z"])
    conversation_id: int | None = Field(examples=[12])
    delegation_id: int = Field(examples=[31])
    model_name: str | None = Field(examples=["qwen2.5:14b"])
    response_seconds: float | None = Field(examples=[41.5])
    output_tokens: int | None = Field(examples=[612])
    tokens_per_second: float | None = Field(examples=[31.2])
    quality_score: float | None = Field(description="0 to 1.", examples=[0.8])
    confidence_score: float | None = Field(description="0 to 1.", examples=[0.7])


class Performance(Resource):
    """How an agent has done in its newest delegations and answers; a summary of too few answers is null."""

    delegations: dict[str, int] = Field(
        description="How many of the newest delegations to it stand at each status.",
        examples=[{"completed": 17, "failed": 1}],
    )
    response_seconds_median: float | None = Field(examples=[41.5])
    tokens_per_second_median: float | None = Field(examples=[31.2])
    quality_score_mean: float | None = Field(description="0 to 1.", examples=[0.78])
    confidence_score_mean: float | None = Field(description="0 to 1.", examples=[0.7])
    answers: list[Answer] = Field(description="At most 200, the newest first.")


class NewAgent(Fields):
    """An agent that is to be added for all users."""

    thing = "an agent"

    agent_id: Annotated[
        str,
        Field(
            pattern=AGENT_ID,
            description="An agent's id has 1 to 63 small letters, digits and underscores, and begins with a letter.",
        ),
    ]
    display_name: Annotated[
        str,
        Field(min_length=1, max_length=200, pattern=ONE_LINE, description="Name the agent, in at most 200 characters."),
    ]
    description: Annotated[
        str,
        Field(max_length=2000, pattern=NO_ZERO_CHARACTER, description="Describe it in at most 2,000 characters."),
    ] = ""
    capabilities: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100, pattern=ONE_LINE)]],
        Field(max_length=50, description="Name at most 50 capabilities, each in at most 100 characters."),
    ] = Field(default_factory=list)
    configuration: Annotated[
        dict[str, Any],
        Like(ConfigurationFields),
        Field(description="Give its first configuration, the default of all users."),
    ]


NEW_AGENT = {
    "agent_id": "legal_expert",
    "display_name": "Legal Expert",
    "description": "Reads contracts and names what is risky in them.",
    "capabilities": ["contracts", "privacy"],
    "configuration": {
        "model_provider": "ollama",
        "assigned_llm": "qwen2.5:14b",
        "system_prompt": "You are a careful lawyer.",
    },
}


@router.get("", response_model=Listing[Agent])
def list_agents(workspace: Reader) -> object:
    """Every agent, in the order in which agents were added."""
    return all_of(workspace.read(views.list_agents))


@router.post("", status_code=201, response_model=SavedConfiguration)
def create_agent(
    workspace: Writer,
    response: Response,
    agent: Annotated[JsonBody, Like(NewAgent), Field(examples=[NEW_AGENT])],
) -> object:
    """Add an agent for all users, with its first configuration; operators may."""
    new = NewAgent.validated(agent)
    saved = workspace.act(
        lambda session: services.create_agent(
            session,
            new.agent_id,
            new.display_name,
            new.configuration,
            description=new.description,
            capabilities=new.capabilities,
        )
    )
    response.headers["Location"] = f"agents/{saved.agent_id}"
    return saved


@router.get("/{agent_id}", response_model=Agent)
def find_agent(workspace: Reader, agent_id: AgentId) -> object:
    """One agent."""
    return workspace.read(lambda session: views.find_agent(session, agent_id))


@router.get("/{agent_id}/performance", response_model=Performance)
def performance(workspace: Reader, agent_id: AgentId) -> object:
    """How the agent has done, as far as the user may see its work."""
    workspace.read(lambda session: views.find_agent(session, agent_id))
    return workspace.read(lambda session: views.performance(session, agent_id))
