"""Newcomers: agents that a draft adds to the team, as they would be created when it is applied."""

import re
from collections.abc import Collection
from dataclasses import asdict
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import DuplicateEntry, InvalidInput, NotFound, Refused
from helios_core.models import AgentConfiguration, AgentProfile
from helios_core.services.agents import AGENT_ID, create_agent
from helios_core.services.configurations import ConfigurationFields
from helios_core.services.whatif import NewAgent, Newcomer
from helios_core.views.participants import named

PROMPT = "You are {name}, an expert of the team. Answer the task that you are given, with your reasons, in few words."
"""What an agent is told of itself that is like no other; its page is the place to say more."""
LONGEST_ID = 63


def new_agents(session: Session, kind: Newcomer, taken: Collection[str] = ()) -> tuple[NewAgent, ...]:
    """The agents that a draft adds of one kind, under ids that nobody has, and that are not `taken`.

    Raises NotFound for an agent that they are to be like and that there is none of, and InvalidInput.
    """
    values, profile = _like(session, kind)
    called = kind.agent_id or kind.like or "newcomer"
    is_id = AGENT_ID.fullmatch(called) is not None
    title = (
        profile.display_name if profile is not None and kind.agent_id is None else named(called) if is_id else called
    )
    ids = _free_ids(called, {*taken, *session.scalars(select(AgentConfiguration.agent_id))}, kind.count)
    found = []
    for number, agent_id in ids:
        name = title if number is None else f"{title} {number}"
        prompt = values.get("system_prompt") or PROMPT.format(name=name)
        try:
            fields = ConfigurationFields.validated({**values, "system_prompt": prompt})
        except InvalidInput as error:
            raise InvalidInput({"newcomers": f"{name}: {' '.join(error.fields.values())}"}) from error
        description, capabilities = (profile.description, profile.capabilities) if profile else ("", ())
        known = tuple(map(str, capabilities))
        found.append(NewAgent(agent_id, name, description, known, fields.snapshot(), kind.like))
    return tuple(found)


def kept(agent: NewAgent) -> dict[str, Any]:
    """A new agent as a plan keeps it."""
    return asdict(agent)


def create(session: Session, agent: dict[str, Any]) -> AgentConfiguration:
    """Create an agent that a plan kept; Refused where somebody took its id meanwhile."""
    agent_id = agent["agent_id"]
    try:
        create_agent(
            session,
            agent_id,
            agent["display_name"],
            agent["values"],
            description=agent["description"],
            capabilities=agent["capabilities"],
        )
    except DuplicateEntry as error:
        message = f"There is an agent {agent_id} by now; draft a new plan."
        raise Refused(message) from error
    of_all = AgentConfiguration.user_id.is_(None)
    return session.scalars(select(AgentConfiguration).where(AgentConfiguration.agent_id == agent_id, of_all)).one()


def _like(session: Session, kind: Newcomer) -> tuple[dict[str, Any], AgentProfile | None]:
    """The fields of the newcomers' configuration, and the profile of the agent that they are like."""
    values: dict[str, Any] = {}
    profile = None
    if kind.like is not None:
        of_all = AgentConfiguration.agent_id == kind.like, AgentConfiguration.user_id.is_(None)
        model = session.scalars(select(AgentConfiguration).where(*of_all)).one_or_none()
        if model is None:
            message = f"There is no agent {kind.like} of all users that newcomers could be like."
            raise NotFound(message)
        values = ConfigurationFields.of(model).snapshot() | {"gpu_assignment": None, "further_gpu_ids": []}
        describes = AgentProfile.agent_id == kind.like, AgentProfile.user_id.is_(None)
        profile = session.scalars(select(AgentProfile).where(*describes)).one_or_none()
    elif kind.model_name is None:
        raise InvalidInput({"newcomers": "Name a model, or an agent that the newcomers are to be like."})
    said = {
        "assigned_llm": kind.model_name,
        "model_provider": kind.model_provider or (None if values else "ollama"),
        "context_tokens": kind.context_tokens,
        "allocated_memory_mb": kind.memory_mib,
        "priority": kind.priority,
    }
    changes: dict[str, Any] = {field: value for field, value in said.items() if value is not None}
    if {"assigned_llm", "context_tokens"} & changes.keys():  # what the other one needs says nothing of this one
        changes.setdefault("allocated_memory_mb", None)
    if kind.wishes is not None:
        changes["constraints"] = {**values.get("constraints", {}), "placement": dict(kind.wishes)}
    return values | changes | {"is_enabled": True}, profile


def _free_ids(called: str, taken: Collection[str], wanted: int) -> list[tuple[int | None, str]]:
    """So many free ids, each with its number; one alone that is free as it is needs none."""
    base = re.sub("[^a-z0-9]+", "_", called.casefold()).strip("_") or "newcomer"
    base = (base if base[0].isalpha() else f"agent_{base}")[: LONGEST_ID - 5]
    if wanted == 1 and base not in taken:
        return [(None, base)]
    free = ((number, f"{base}_{number}") for number in count(2 if base in taken else 1))
    return [one for one, _ in zip((pair for pair in free if pair[1] not in taken), range(wanted), strict=False)]
