"""The default team: twelve agents, each described by a file beside this one."""

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.models import AgentConfiguration, AgentProfile, AgentStatus, GPUResource, ModelProvider
from helios_core.services.allocations import accounts
from helios_core.services.configurations import ConfigurationFields
from helios_core.services.promises import CardAccount, portions
from helios_core.services.team.placing import WITHOUT_CARDS, Card, Place, Rung, place_groups
from helios_core.services.users import ensure_local_operator
from helios_core.services.versions import lock_agents, write_version

TEAM = (
    "project_manager",
    "technical_expert",
    "business_analyst",
    "creative_director",
    "research_specialist",
    "planning_expert",
    "socratic_expert",
    "wellbeing_coach",
    "personal_assistant",
    "data_analyst",
    "output_formatter",
    "quality_assurance",
)


@dataclass(frozen=True, slots=True)
class Member:
    """One agent of the default team, as its file describes it."""

    agent_id: str
    display_name: str
    description: str
    capabilities: tuple[str, ...]
    group: str
    system_prompt: str
    settings: dict[str, Any]

    def fields(self, rung: Rung, gpu_id: int | None) -> ConfigurationFields:
        """The agent's configuration with this model on this card."""
        return ConfigurationFields.validated(
            {
                "model_provider": ModelProvider.OLLAMA,
                "assigned_llm": rung.model_name,
                "context_tokens": rung.context_tokens,
                "allocated_memory_mb": rung.estimate.reservation_mib,
                "gpu_assignment": gpu_id,
                "system_prompt": self.system_prompt,
                **self.settings,
            }
        )


@cache
def default_team() -> tuple[Member, ...]:
    """The twelve, as their files describe them."""
    return tuple(_member(agent_id) for agent_id in TEAM)


def ensure_default_team(session: Session) -> tuple[str, ...]:
    """Add what is missing of the default team, and return the ids of whom it added; what is there stays as it is."""
    added = []
    for member in default_team():
        _ensure_profile(session, member)
        if _default_configuration(session, member.agent_id) is None:
            configuration = AgentConfiguration(user_id=None, agent_id=member.agent_id, version=0)
            fields = member.fields(WITHOUT_CARDS[member.group], gpu_id=None)
            write_version(session, configuration, fields, "default team", changed_by=None)
            added.append(member.agent_id)
    return tuple(added)


def place_default_team(session: Session) -> tuple[str, ...]:
    """Give the agents of the default team that nobody has edited or placed a model and a card that has room for it.

    Returns the ids of whom it placed: none while no card is known. Its promises are the principal's, or the local
    operator's where Helios itself calls. Each is a version of its own, so that a person's later edit stays.
    """
    lock_agents(session, TEAM)
    owner_id = principal_of(session).user_id or ensure_local_operator(session).user_id
    untouched = [(member, found) for member in default_team() if (found := _untouched(session, member)) is not None]
    cards = [Card(account.gpu_id, _free_mib(session, account)) for account in accounts(session, lock=True)]
    places = place_groups(cards, Counter(member.group for member, _ in untouched))
    placed = []
    for member, configuration in untouched:
        place = places.get(member.group)
        if place is not None:
            fields = member.fields(place.rung, place.gpu_id)
            reason = _reason(place)
            write_version(session, configuration, fields, reason, changed_by=None, owner_id=owner_id)
            placed.append(member.agent_id)
    return tuple(placed)


def _member(agent_id: str) -> Member:
    folder = files(__package__)
    described = tomllib.loads((folder / "agents" / f"{agent_id}.toml").read_text(encoding="utf-8"))
    contract = (folder / "contract.md").read_text(encoding="utf-8")
    name = described["display_name"]
    prompt = described.pop("prompt")["text"].strip()
    if described["group"] != "lead":
        prompt = f"{prompt}\n\n{contract.replace('{display_name}', name).strip()}"
    return Member(
        agent_id=agent_id,
        display_name=described.pop("display_name"),
        description=described.pop("description"),
        capabilities=tuple(described.pop("capabilities")),
        group=described.pop("group"),
        system_prompt=prompt,
        settings=described,
    )


def _ensure_profile(session: Session, member: Member) -> None:
    session.execute(
        insert(AgentProfile)
        .values(
            user_id=None,
            agent_id=member.agent_id,
            display_name=member.display_name,
            description=member.description,
            capabilities=list(member.capabilities),
            status=AgentStatus.IDLE,
            status_since=func.now(),
        )
        .on_conflict_do_nothing()
    )


def _default_configuration(session: Session, agent_id: str) -> AgentConfiguration | None:
    return session.scalars(
        select(AgentConfiguration).where(AgentConfiguration.agent_id == agent_id, AgentConfiguration.user_id.is_(None))
    ).one_or_none()


def _untouched(session: Session, member: Member) -> AgentConfiguration | None:
    """The member's configuration while it is as `ensure_default_team` made it."""
    configuration = _default_configuration(session, member.agent_id)
    return configuration if configuration is not None and configuration.version == 1 else None


def _free_mib(session: Session, account: CardAccount) -> int:
    """What a card has for the team: neither promised nor, on a real card, in use by somebody else already."""
    card = session.get_one(GPUResource, account.gpu_id)
    if account.blocked:
        return 0
    in_use = 0 if card.is_simulated else card.current_memory_used_mb or 0
    promised = sum(portions([promise.need for promise in account.promises]))
    return account.capacity_mib - max(promised, in_use)


def _reason(place: Place) -> str:
    return f"placed on GPU {place.gpu_id} with {place.rung.model_name}: the best model for which its memory suffices"
