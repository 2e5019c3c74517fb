"""Drafts as people write them, in a file or a request: agents by their names, models, cards."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotFound
from helios_core.models import AgentConfiguration, User
from helios_core.services.whatif import NewCard, Newcomer, Target, WhatIfDraft

GpuNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]
Mib = Annotated[int, Field(ge=1, le=2**31 - 1)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
GpuNumbers = Annotated[list[GpuNumber], Field(min_length=1, max_length=64)]
Where = GpuNumber | GpuNumbers | Literal["anywhere", "none"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DraftedAgent(_Part):
    """An agent that is there, and where it shall be: a card's number, several of them, "anywhere", or "none"."""

    agent: Name
    user: Name | None = None
    """Whose configuration it is; left out: what the reader edits, which for operators is the default of all users."""
    gpu: Where


class DraftedNewcomer(_Part):
    """Agents that are not there yet, of a model, or like an agent that is there in all that is not said here.

    Without `memory_mib` the estimate for the model counts. `agent`: what they are to be called.
    """

    model: Name | None = None
    like: Name | None = None
    provider: Literal["ollama", "openai", "anthropic", "google", "huggingface"] | None = None
    agent: Name | None = None
    context_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    memory_mib: Mib | None = None
    count: Annotated[int, Field(ge=1, le=1000)] = 1
    gpu: GpuNumber | GpuNumbers | Literal["anywhere"] = "anywhere"
    priority: Annotated[int, Field(ge=1, le=10)] | None = None
    wishes: dict[str, Any] | None = None


class DraftedCard(_Part):
    """A card that is not there yet."""

    name: Name = "new card"
    memory_mib: Mib
    compute_capability: Annotated[str, Field(pattern=r"^[0-9]{1,3}[.][0-9]{1,3}$")] | None = None


class DraftFile(_Part):
    """All that a draft may say; at least one thing."""

    agents: list[DraftedAgent] = []
    newcomers: list[DraftedNewcomer] = []
    without_gpus: list[GpuNumber] = []
    new_cards: list[DraftedCard] = []
    may_evict: bool = False
    """Whether less important agents lose their card where nothing else makes room."""


def read_draft(path: Path) -> dict[str, Any]:
    """What a file holds, TOML or, where its name ends in .json, JSON. Raises NotFound and InvalidInput."""
    try:
        text = path.read_text("utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError as error:
        message = f"There is no file {path}."
        raise NotFound(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read as text."
        raise InvalidInput({"file": message}) from error
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise InvalidInput({"file": f"{path} is not {kind}: {error}."}) from error
    if not isinstance(found, dict):
        raise InvalidInput({"file": f"{path} holds no draft: an object with {', '.join(DraftFile.model_fields)}."})
    return found


def draft_of(session: Session, values: Mapping[str, Any]) -> WhatIfDraft:
    """The draft that `values` write down. Raises InvalidInput, and NotFound for an agent or user there is none of."""
    try:
        written = DraftFile.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidInput(dict(_problem(problem) for problem in error.errors()[:5])) from error
    if not any(getattr(written, part) for part in DraftFile.model_fields if part != "may_evict"):
        raise InvalidInput({"draft": f"The draft says nothing; it may have {', '.join(DraftFile.model_fields)}."})
    return WhatIfDraft(
        targets={_configuration_id(session, found): _target(found.gpu) for found in written.agents},
        newcomers=tuple(newcomer_of(found) for found in written.newcomers),
        without_gpus=frozenset(written.without_gpus),
        new_cards=tuple(NewCard(card.name, card.memory_mib, card.compute_capability) for card in written.new_cards),
        may_evict=written.may_evict,
    )


def newcomer_of(written: DraftedNewcomer) -> Newcomer:
    """The same, as trials take it."""
    return Newcomer(
        model_name=written.model,
        context_tokens=written.context_tokens,
        memory_mib=written.memory_mib,
        count=written.count,
        target=_target(written.gpu),
        model_provider=written.provider,
        agent_id=written.agent,
        priority=written.priority,
        wishes=written.wishes,
        like=written.like,
    )


def _target(gpu: Where) -> Target:
    if isinstance(gpu, list):
        return tuple(sorted(set(gpu)))
    return None if gpu == "none" else gpu


def _configuration_id(session: Session, drafted: DraftedAgent) -> int:
    principal = principal_of(session)
    owner_id = None if principal.sees_all else principal.user_id
    if drafted.user is not None:
        owner_id = session.scalar(select(User.id).where(User.username == drafted.user))
        if owner_id is None:
            message = f"There is no user {drafted.user}."
            raise NotFound(message)
    found = session.scalar(
        select(AgentConfiguration.id).where(
            AgentConfiguration.agent_id == drafted.agent, AgentConfiguration.user_id.is_not_distinct_from(owner_id)
        )
    )
    if found is None:
        whose = f" of {drafted.user}" if drafted.user else ""
        message = f"There is no agent {drafted.agent}{whose} with a configuration that you may move."
        raise NotFound(message)
    return found


def _problem(problem: Any) -> tuple[str, str]:  # noqa: ANN401 (pydantic's own)
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return place, f"A draft has no {place}."
    return place, f"{place} cannot be this: {problem['msg'][:1].lower()}{problem['msg'][1:]}."
