"""Versions: storing a configuration, with everything that goes with it, in one transaction.

With it go a snapshot to roll back to, the audit, the promise of GPU memory, and, where it is the default, the users'
own configurations: in each field in which one of them holds what the default held, it follows.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from helios_core.database.refusals import refusals
from helios_core.database.rows import insert_rows
from helios_core.errors import InvalidInput, NotFound
from helios_core.models import AgentConfiguration, AgentConfigurationVersion
from helios_core.services.allocations import keep_promise, release_promise
from helios_core.services.audit import recorded
from helios_core.services.configurations import OLDER_SNAPSHOTS, ConfigurationFields, differences
from helios_core.services.fleet import lock_fleet
from helios_core.services.memory import MemoryBook

PROMISED_FIELDS = {
    "model_provider",
    "assigned_llm",
    "gpu_assignment",
    "further_gpu_ids",
    "allocated_memory_mb",
    "context_tokens",
    "is_enabled",
}
"""What a promise of GPU memory depends on."""
AGENT_LOCKS = 0x6167656E
"""The first key of the advisory locks on agents; the second is a hash of the agent's id."""

LOCK_AGENT = text("SELECT pg_advisory_xact_lock(:locks, hashtext(:agent))")


def lock_agents(session: Session, agent_ids: Iterable[str]) -> None:
    """Let nobody else save these agents before the transaction ends.

    Taken before the locks on cards, so that a save of the default and one of a user's own cannot wait for each other.
    """
    for agent_id in sorted(agent_ids):
        session.execute(LOCK_AGENT, {"locks": AGENT_LOCKS, "agent": agent_id})


def write_version(
    session: Session,
    configuration: AgentConfiguration,
    fields: ConfigurationFields,
    reason: str | None,
    *,
    changed_by: int | None,
    owner_id: int | None = None,
    book: MemoryBook | None = None,
) -> None:
    """Store `fields` as the next version, with all that goes with it.

    `changed_by` None: Helios itself. `owner_id`: the operator who answers for a default's promises, if not the
    principal. `book`: what is known of models, where the caller has read it already.
    """
    before = ConfigurationFields.of(configuration).snapshot() if configuration.id else {}
    after = fields.snapshot()
    action = "changed" if before else "added"
    with recorded(session, action, configuration, reason, by_helios=changed_by is None):
        _store(session, configuration, fields)
    _add_snapshot(session, configuration, after, reason, changed_by)
    followers = _followers(session, configuration, before, after)
    if _promised(before) != _promised(after):
        if followers:
            lock_fleet(session)
        _promise(session, configuration, after, owner_id, book)
    for follower, moved in followers:
        _follow(session, follower, moved, f"follows version {configuration.version} of the default", changed_by)


def _store(session: Session, configuration: AgentConfiguration, fields: ConfigurationFields) -> None:
    try:
        with refusals(session):
            session.add(configuration)
            for field, value in fields:
                setattr(configuration, field, value)
            configuration.version += 1
    except NotFound as error:
        raise InvalidInput({"gpu_assignment": f"There is no GPU {fields.gpu_assignment}."}) from error


def _add_snapshot(
    session: Session,
    configuration: AgentConfiguration,
    snapshot: dict[str, Any],
    reason: str | None,
    changed_by: int | None,
) -> None:
    version = {
        "user_id": configuration.user_id,
        "configuration_id": configuration.id,
        "agent_id": configuration.agent_id,
        "version": configuration.version,
        "snapshot": snapshot,
        "changed_by": changed_by,
        "reason": reason,
    }
    insert_rows(session, AgentConfigurationVersion, [version])


def _promise(
    session: Session,
    configuration: AgentConfiguration,
    held: Mapping[str, Any],
    owner_id: int | None,
    book: MemoryBook | None,
) -> None:
    """Keep the promise in step. What a user's own needs no differently, the default's promise serves."""
    default = configuration
    if configuration.user_id is not None:
        found = select(AgentConfiguration).where(
            AgentConfiguration.agent_id == configuration.agent_id, AgentConfiguration.user_id.is_(None)
        )
        default = session.scalars(found).one_or_none() or configuration
    others = ConfigurationFields.of(default).snapshot()
    if default is configuration or _promised(others) != _promised(held):
        keep_promise(session, configuration, owner_id, book)
    else:
        release_promise(session, configuration, "the default's promise serves it")


def _promised(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What a promise depends on, of a snapshot."""
    wishes = snapshot.get("constraints", {}).get("placement")
    return {"wishes": wishes, **{field: snapshot.get(field, OLDER_SNAPSHOTS.get(field)) for field in PROMISED_FIELDS}}


def _followers(
    session: Session, default: AgentConfiguration, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[AgentConfiguration, dict[str, Any]]]:
    """Users' own configurations that follow a change of the default, each with the fields in which it does."""
    if default.user_id is not None or not before:
        return []
    own = session.scalars(
        select(AgentConfiguration)
        .where(AgentConfiguration.agent_id == default.agent_id, AgentConfiguration.user_id.is_not(None))
        .order_by(AgentConfiguration.id)
        .execution_options(populate_existing=True)
    ).all()
    changes = differences(before, after)
    found = []
    for configuration in own:
        held = ConfigurationFields.of(configuration).snapshot()
        found.append((configuration, {c.field: c.after for c in changes if held[c.field] == c.before}))
    return [(configuration, moved) for configuration, moved in found if moved]


def _follow(
    session: Session, own: AgentConfiguration, moved: Mapping[str, Any], reason: str, changed_by: int | None
) -> None:
    """Move a user's own configuration along; where no card has room for it, only in what needs none."""
    held = ConfigurationFields.of(own).snapshot()
    try:
        with session.begin_nested():
            write_version(session, own, ConfigurationFields.validated({**held, **moved}), reason, changed_by=changed_by)
    except InvalidInput as refused:
        light = {field: value for field, value in moved.items() if field not in PROMISED_FIELDS}
        if light:
            fields = ConfigurationFields.validated({**held, **light})
            reason = f"{reason}, apart from its model and card: {refused}"
            write_version(session, own, fields, reason, changed_by=changed_by)
