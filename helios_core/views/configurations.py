"""Configurations as the agent form shows them: what holds, its versions, and where the agent fits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.errors import NotFound
from helios_core.models import AgentConfiguration, AgentConfigurationVersion, ModelProvider, User
from helios_core.providers.memory import MemoryEstimate, known_models
from helios_core.services.allocations import accounts, of_each_card, wishes_of
from helios_core.services.configurations import ConfigurationFields, FieldChange, differences
from helios_core.services.fleet import load_fleet, objection_to
from helios_core.services.memory import MemoryBook, MemoryFigures
from helios_core.services.permissions import Action, may
from helios_core.services.promises import CardFit, Need, fit_on
from helios_core.services.seats import newcomer

Source = Literal["own", "default"]
"""Whose a field's value is: the user's own, or the default's, which it follows."""
VERSIONS = 100
"""The list of versions shows so many, the newest."""


@dataclass(frozen=True, slots=True)
class Version:
    """A configuration as one save left it, and what that save changed."""

    version: int
    saved_by: str
    saved_at: datetime
    reason: str | None
    is_live: bool
    changes: tuple[FieldChange, ...]
    """Against the version before; the first has none."""
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HeldConfiguration:
    """What holds for the reader: each field's value as JSON has it, and its source."""

    agent_id: str
    version: int
    values: Mapping[str, Any]
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class ConfigurationForm:
    """What the form begins with: each field's value as JSON has it, and the version that a save follows."""

    agent_id: str
    version: int
    values: Mapping[str, Any]
    sources: Mapping[str, Source]
    saved_by: str
    saved_at: datetime | None
    is_own: bool
    """Whether it is the reader's own, beside the default."""
    edits_default: bool
    """Whether a save changes the default of all users."""
    may_edit: bool
    models: Mapping[str, tuple[str, ...]]
    """By provider: models to suggest, those in the catalogue of the memory estimate and those that agents use."""


@dataclass(frozen=True, slots=True)
class Fits:
    """Where an agent fits with a draft of its configuration."""

    figures: MemoryFigures | None
    """What is known of the model's memory: estimated, and corrected by what was measured."""
    cards: tuple[CardFit, ...]

    @property
    def estimate(self) -> MemoryEstimate | None:
        """The estimate by the arithmetic."""
        return None if self.figures is None else self.figures.estimate


def held_configuration(session: Session, agent_id: str) -> HeldConfiguration:
    """What holds for the reader; NotFound where there is no such agent."""
    configuration = _holding(session, agent_id)
    values = ConfigurationFields.of(configuration).snapshot()
    return HeldConfiguration(agent_id, configuration.version, values, _sources(session, configuration))


def configuration_form(session: Session, agent_id: str) -> ConfigurationForm:
    """What holds for the reader, ready to be edited; NotFound where there is no such agent."""
    configuration = _holding(session, agent_id)
    newest = next(iter(_saved(session, configuration.id, 1)), None)
    principal = principal_of(session)
    return ConfigurationForm(
        agent_id=agent_id,
        version=configuration.version,
        values=ConfigurationFields.of(configuration).snapshot(),
        sources=_sources(session, configuration),
        saved_by=newest.saved_by if newest else "Helios",
        saved_at=newest.saved_at if newest else None,
        is_own=configuration.user_id is not None,
        edits_default=principal.sees_all,
        may_edit=may(principal.role, Action.EDIT_CONFIGURATIONS),
        models=_models(session),
    )


def versions(session: Session, agent_id: str) -> tuple[Version, ...]:
    """The newest versions of what holds for the reader, newest first, each with what it changed."""
    configuration = _holding(session, agent_id)
    saved = _saved(session, configuration.id, VERSIONS + 1)
    before = [*(version.values for version in saved[1:]), None]
    return tuple(
        Version(
            version=version.version,
            saved_by=version.saved_by,
            saved_at=version.saved_at,
            reason=version.reason,
            is_live=version.version == configuration.version,
            changes=() if previous is None else differences(previous, version.values),
            values=version.values,
        )
        for version, previous in list(zip(saved, before, strict=True))[:VERSIONS]
    )


def card_fits(
    session: Session,
    agent_id: str,
    *,
    provider: str,
    model_name: str,
    context_tokens: int | None,
    memory_mb: int | None,
    on_cards: int = 1,
) -> Fits:
    """On which cards the agent would fit with this draft, beside what is promised to all others.

    Without `memory_mb` it is the estimate that has to fit. `on_cards`: on how many it is to be at once.
    """
    configuration = _holding(session, agent_id)
    principal = principal_of(session)
    # A user's draft of the default becomes a configuration of their own, for which nothing is promised yet.
    keeps = configuration.user_id == (None if principal.sees_all else principal.user_id)
    own_id, owner_id = (configuration.id, configuration.user_id) if keeps else (None, principal.user_id)
    found = MemoryBook.load(session).figures(ModelProvider(provider), model_name, context_tokens)
    memory = memory_mb if memory_mb is not None else found.reservation_mib if found else None
    shared = 0 if found is None else found.shared_mib
    need = None if memory is None else Need(owner_id, agent_id, model_name, context_tokens, memory, shared)
    need = None if need is None else of_each_card(need, wishes_of(configuration), on_cards)
    fits = [fit_on(account, need, own_id) for account in accounts(session)]
    if memory is not None:
        draft = {
            "model_provider": ModelProvider(provider),
            "model_name": model_name,
            "context_tokens": context_tokens,
            "memory_mib": memory,
            "priority": configuration.priority,
            "wishes": configuration.constraints.get("placement"),
        }
        objections = _objections(session, agent_id, own_id, draft, on_cards)
        fits = [_kept_off(fit, objections.get(fit.gpu_id)) for fit in fits]
    if not principal.sees_all:
        fits = [replace(fit, promised_by_model={}) for fit in fits]
    return Fits(found, tuple(fits))


def _objections(
    session: Session, agent_id: str, own_id: int | None, draft: Mapping[str, Any], on_cards: int
) -> dict[int, str]:
    """By card: what rules, constraints, quotas and other programs have against an agent with this draft."""
    principal = principal_of(session)
    fleet = load_fleet(session)
    held = None if own_id is None else fleet.of_configuration(own_id)
    if held is not None:
        fleet.placer.release(held.name)
    owner_id = None if principal.sees_all else principal.user_id
    seat = newcomer(agent_id, "this agent", owner_id=owner_id, limits=fleet.limits, book=fleet.book, **draft)
    there = () if held is None else held.gpu_ids
    found = {
        gpu_id: objection_to(fleet, seat, gpu_id, on_cards=on_cards, stays=gpu_id in there)
        for gpu_id in fleet.placer.ledger.position_of
    }
    return {gpu_id: cause for gpu_id, cause in found.items() if cause is not None}


def _kept_off(fit: CardFit, cause: str | None) -> CardFit:
    """The fit, refused where something is against it that is no lack of room."""
    if fit.refusal is not None or cause is None:
        return fit
    return replace(fit, refusal=f"GPU {fit.gpu_id}: {cause}.")


class _Saved(NamedTuple):
    version: int
    saved_at: datetime
    reason: str | None
    values: Mapping[str, Any]
    saved_by: str


def _holding(session: Session, agent_id: str) -> AgentConfiguration:
    principal = principal_of(session)
    own = None if principal.sees_all else principal.user_id
    found = session.scalars(
        select(AgentConfiguration)
        .where(
            AgentConfiguration.agent_id == agent_id,
            or_(AgentConfiguration.user_id.is_(None), AgentConfiguration.user_id == own),
        )
        .order_by(AgentConfiguration.user_id.nulls_last())
        .limit(1)
    ).one_or_none()
    if found is None:
        message = f"There is no agent {agent_id}."
        raise NotFound(message)
    return found


def _sources(session: Session, configuration: AgentConfiguration) -> dict[str, Source]:
    """By field: own is what differs from the default, for what does not differ follows it."""
    default = configuration
    if configuration.user_id is not None:
        found = select(AgentConfiguration).where(
            AgentConfiguration.agent_id == configuration.agent_id, AgentConfiguration.user_id.is_(None)
        )
        default = session.scalars(found).one_or_none() or AgentConfiguration()
    changes = differences(ConfigurationFields.of(default).snapshot(), ConfigurationFields.of(configuration).snapshot())
    own = {change.field for change in changes}
    return {field: "own" if field in own else "default" for field in ConfigurationFields.model_fields}


def _saved(session: Session, configuration_id: int, limit: int) -> list[_Saved]:
    me = principal_of(session).user_id
    rows = session.execute(
        select(AgentConfigurationVersion, User.username)
        .outerjoin(User, User.id == AgentConfigurationVersion.changed_by)
        .where(AgentConfigurationVersion.configuration_id == configuration_id)
        .order_by(AgentConfigurationVersion.version.desc())
        .limit(limit)
    )
    return [
        _Saved(row.version, row.created_at, row.reason, _object(row.snapshot), _signature(row.changed_by, username, me))
        for row, username in rows
    ]


def _object(snapshot: object) -> Mapping[str, Any]:
    """A snapshot's fields; one that another program wrote in a form of its own holds none that we know."""
    return snapshot if isinstance(snapshot, dict) else {}


def _signature(changed_by: int | None, username: str | None, me: int | None) -> str:
    """Who saved it. A member does not see other users' names."""
    if changed_by is None:
        return "Helios"
    return "you" if changed_by == me else username or "somebody else"


def _models(session: Session) -> dict[str, tuple[str, ...]]:
    used = session.execute(select(AgentConfiguration.model_provider, AgentConfiguration.assigned_llm).distinct())
    names: dict[str, set[str]] = {provider.value: set() for provider in ModelProvider}
    names[ModelProvider.OLLAMA.value] = set(known_models())
    for provider, model_name in used:
        names[provider.value].add(model_name)
    return {provider: tuple(sorted(found)) for provider, found in names.items()}
