"""Agents: saving their configurations, version by version, so that nobody overwrites what they have not seen.

Operators edit the default of all users. A user's save makes, or changes, a configuration of their own beside it, which
goes on following the default in every field that holds the default's value.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.session import principal_of
from helios_core.errors import DuplicateEntry, EditConflict, InvalidInput, NotFound
from helios_core.models import AgentConfiguration, AgentConfigurationVersion, AgentProfile, AgentStatus, User
from helios_core.services.allocations import release_promise
from helios_core.services.audit import checked_reason, recorded
from helios_core.services.configurations import OLDER_SNAPSHOTS, ConfigurationFields, FieldChange, differences
from helios_core.services.fleet import load_fleet, objection_to_all
from helios_core.services.permissions import Action, require
from helios_core.services.versions import PROMISED_FIELDS, lock_agents, write_version

PLACED_FIELDS = PROMISED_FIELDS | {"constraints"}
"""What rules and constraints look at."""
AGENT_ID = re.compile("[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class SavedConfiguration:
    """What a save made: the version that holds now, and what is new in it. No changes: nothing was saved."""

    agent_id: str
    version: int
    changes: tuple[FieldChange, ...]


def save_configuration(
    session: Session,
    agent_id: str,
    changes: Mapping[str, object],
    expected_version: int,
    reason: str | None = None,
) -> SavedConfiguration:
    """Save `changes` to what the principal edits of `agent_id`, as the version after `expected_version`.

    Raises InvalidInput with a sentence for each field that cannot be, EditConflict where somebody saved since the
    version that the editor saw, NotFound and NotAllowed.
    """
    require(session, Action.EDIT_CONFIGURATIONS)
    reason = checked_reason(reason)
    lock_agents(session, [agent_id])
    seen = edited_configuration(session, agent_id, lock=True)
    if seen.version != expected_version:
        raise EditConflict(_conflict(session, seen, expected_version))
    before = ConfigurationFields.of(seen).snapshot()
    fields = ConfigurationFields.validated({**before, **changes})
    changed = differences(before, fields.snapshot())
    if not changed:
        return SavedConfiguration(agent_id, seen.version, ())
    configuration = seen if seen.user_id == edited_user_id(session) else own_configuration(session, seen)
    write_version(session, configuration, fields, reason, changed_by=principal_of(session).user_id)
    if PLACED_FIELDS & {change.field for change in changed}:
        _require_place(session, configuration, {before["gpu_assignment"], *before["further_gpu_ids"]})
    return SavedConfiguration(agent_id, configuration.version, changed)


def roll_back(session: Session, agent_id: str, version: int, expected_version: int) -> SavedConfiguration:
    """Save what `version` held as a new version; what was saved in between stays in the list."""
    configuration = edited_configuration(session, agent_id)
    snapshot = session.scalar(
        select(AgentConfigurationVersion.snapshot).where(
            AgentConfigurationVersion.configuration_id == configuration.id,
            AgentConfigurationVersion.version == version,
        )
    )
    if snapshot is None:
        message = f"There is no version {version} of {agent_id}."
        raise NotFound(message)
    values = {**OLDER_SNAPSHOTS, **snapshot}
    return save_configuration(session, agent_id, values, expected_version, f"rolled back to version {version}")


def return_to_default(session: Session, agent_id: str, expected_version: int, reason: str | None = None) -> None:
    """Remove the principal's own configuration of `agent_id`, with its versions, so that the default holds again."""
    require(session, Action.EDIT_CONFIGURATIONS)
    lock_agents(session, [agent_id])
    own = edited_configuration(session, agent_id, lock=True)
    if own.user_id is None:
        message = f"You have no configuration of {agent_id} of your own; the default holds."
        raise NotFound(message)
    if own.version != expected_version:
        raise EditConflict(_conflict(session, own, expected_version))
    release_promise(session, own, "returned to the default")
    with recorded(session, "removed", own, reason):
        session.delete(own)


def set_enabled(session: Session, agent_id: str, is_enabled: bool) -> SavedConfiguration:
    """Switch an agent on or off. One that is off holds no GPU memory and gets no work."""
    seen = edited_configuration(session, agent_id)
    reason = "switched on" if is_enabled else "switched off"
    return save_configuration(session, agent_id, {"is_enabled": is_enabled}, seen.version, reason)


def create_agent(
    session: Session,
    agent_id: str,
    display_name: str,
    values: Mapping[str, object],
    *,
    description: str = "",
    capabilities: Sequence[str] = (),
) -> SavedConfiguration:
    """A new agent for all users, with its first version. Raises InvalidInput, DuplicateEntry and NotAllowed."""
    require(session, Action.ADD_AGENTS)
    if not AGENT_ID.fullmatch(agent_id):
        message = "An agent's id has 1 to 63 small letters, digits and underscores, and begins with a letter."
        raise InvalidInput({"agent_id": message})
    if not display_name.strip():
        raise InvalidInput({"display_name": "Give the agent a name."})
    fields = ConfigurationFields.validated(values)
    profile = AgentProfile(
        user_id=None,
        agent_id=agent_id,
        display_name=display_name.strip(),
        description=description,
        capabilities=list(capabilities),
        status=AgentStatus.IDLE,
        status_since=func.now(),
    )
    configuration = AgentConfiguration(user_id=None, agent_id=agent_id, version=0)
    try:
        with refusals(session):
            session.add(profile)
            write_version(session, configuration, fields, "created", changed_by=principal_of(session).user_id)
            _require_place(session, configuration)
    except DuplicateEntry as error:
        message = f"There is an agent {agent_id} already."
        raise DuplicateEntry(message) from error
    return SavedConfiguration(agent_id, configuration.version, ())


def _require_place(
    session: Session, configuration: AgentConfiguration, before: Collection[int | None] = frozenset()
) -> None:
    """Raise InvalidInput where rules, constraints or quotas keep the agent off a card that it was given."""
    if configuration.gpu_assignment is None or not configuration.is_enabled:
        return
    fleet = load_fleet(session)
    seat = fleet.of_configuration(configuration.id)
    found = None if seat is None else objection_to_all(fleet, seat, seat.gpu_ids, before)
    if found is not None:
        gpu_id, cause = found
        field = "gpu_assignment" if gpu_id == configuration.gpu_assignment else "further_gpu_ids"
        raise InvalidInput({field: f"GPU {gpu_id}: {cause}."})


def edited_user_id(session: Session) -> int | None:
    """Whose configurations the principal edits: an operator everybody's default, a user their own."""
    principal = principal_of(session)
    return None if principal.sees_all else principal.user_id


def edited_configuration(session: Session, agent_id: str, *, lock: bool = False) -> AgentConfiguration:
    """What holds for the principal: their own configuration, else the default."""
    own = edited_user_id(session)
    query = (
        select(AgentConfiguration)
        .where(AgentConfiguration.agent_id == agent_id, AgentConfiguration.user_id.is_not_distinct_from(own))
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None and own is not None:
        # Not locked: a member cannot. Two first saves at once meet at the unique constraint.
        found = session.scalars(
            select(AgentConfiguration).where(
                AgentConfiguration.agent_id == agent_id, AgentConfiguration.user_id.is_(None)
            )
        ).one_or_none()
    if found is None:
        message = f"There is no agent {agent_id}."
        raise NotFound(message)
    return found


def own_configuration(session: Session, default: AgentConfiguration) -> AgentConfiguration:
    """A user's own configuration, which counts on from the version of the default that it was made from."""
    override = AgentConfiguration(user_id=edited_user_id(session), agent_id=default.agent_id, version=default.version)
    for field, value in ConfigurationFields.of(default):
        setattr(override, field, value)
    try:
        with refusals(session):
            session.add(override)
    except DuplicateEntry as error:
        raise EditConflict from error
    return override


def _conflict(session: Session, current: AgentConfiguration, expected_version: int) -> str:
    """Who saved what, when, since the version that the editor saw."""
    rows = session.execute(
        select(AgentConfigurationVersion, User.username)
        .outerjoin(User, User.id == AgentConfigurationVersion.changed_by)
        .where(
            AgentConfigurationVersion.configuration_id == current.id,
            AgentConfigurationVersion.version.in_([expected_version, current.version]),
        )
    )
    by_version = {version.version: (version, username) for version, username in rows}
    if current.version not in by_version:
        return f"Version {current.version} was saved since you opened version {expected_version}."
    latest, username = by_version[current.version]
    sentence = (
        f"{username or 'Somebody else'} saved version {current.version} at {latest.created_at:%Y-%m-%d %H:%M} UTC, "
        f"after you opened version {expected_version}."
    )
    if expected_version not in by_version:
        return sentence
    before = by_version[expected_version][0].snapshot
    return f"{sentence} Changed since: {_titles(differences(before, latest.snapshot))}."


def _titles(changes: Iterable[FieldChange]) -> str:
    return ", ".join(change.title for change in changes) or "nothing that differs"
