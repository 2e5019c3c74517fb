"""Placement: an agent gets the card that costs the others least, with the reasons; rules and quotas are kept.

Where an agent is stands in its configuration, and a placement is a version of it like any other: the promise of the
card's memory, the audit and the roll-back go with it. The locks are taken in one order everywhere: those on agents, by
their ids, and then the one on the fleet, so that no two transactions wait for each other.
"""

from dataclasses import dataclass

from sqlalchemy import null
from sqlalchemy.orm import Session

from helios_core.allocation.explain import explain
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, Refused
from helios_core.models import AgentConfiguration, PlacementDecision
from helios_core.services.agents import edited_configuration, edited_user_id, own_configuration
from helios_core.services.audit import checked_reason
from helios_core.services.configurations import ConfigurationFields
from helios_core.services.explanations import Explanation, Line, explanation_of
from helios_core.services.fleet import LoadedFleet, load_fleet, lock_fleet
from helios_core.services.permissions import Action, require
from helios_core.services.seats import CONFIGURATIONS, Seat
from helios_core.services.versions import lock_agents, write_version


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of an agent. `outcome`: placed, moved, kept, released or refused. Memory in MiB."""

    decision_id: int
    agent_id: str
    outcome: str
    from_gpu_id: int | None
    gpu_id: int | None
    memory_mib: int | None
    explanation: Explanation

    @property
    def sentence(self) -> str:
        """The decision in one line."""
        if self.outcome == "refused":
            return f"No card takes {self.agent_id}. {self.explanation.refusal}"
        if self.outcome == "released":
            return f"{self.agent_id} has no card any more."
        verb = {"kept": "stays on", "moved": "moves to"}.get(self.outcome, "is placed on")
        return f"{self.agent_id} {verb} GPU {self.gpu_id}."


def place(session: Session, agent_id: str, gpu_id: int | None = None, reason: str | None = None) -> Decided:
    """Put what the principal edits of an agent on this card, or where it costs least.

    A refusal is a decision, too, and is kept with its reasons. Raises NotFound, NotAllowed, InvalidInput for a card
    that there is none of, and Refused for an agent that is switched off.
    """
    require(session, Action.EDIT_CONFIGURATIONS)
    reason = checked_reason(reason)
    lock_agents(session, [agent_id])
    lock_fleet(session)
    with session.begin_nested() as attempt:
        configuration = edited_configuration(session, agent_id, lock=True)
        if not configuration.is_enabled:
            message = f"{agent_id} is switched off; switch it on, and place it then."
            raise Refused(message)
        if configuration.user_id != edited_user_id(session):
            configuration = own_configuration(session, configuration)
        fleet, seat = _seat(session, configuration)
        chosen, explanation = decide(fleet, seat, gpu_id, sees_all=principal_of(session).sees_all)
        if chosen is None:
            attempt.rollback()
        else:
            write_place(session, seat, configuration, chosen, reason or "placed")
    kept = configuration if chosen is not None else edited_configuration(session, agent_id)
    return keep_decision(session, seat, kept, seat.gpu_id, chosen, explanation=explanation, reason=reason)


def release(session: Session, agent_id: str, reason: str | None = None) -> Decided:
    """Take what the principal edits of an agent off its card; Refused where it has none."""
    require(session, Action.EDIT_CONFIGURATIONS)
    reason = checked_reason(reason)
    lock_agents(session, [agent_id])
    lock_fleet(session)
    configuration = edited_configuration(session, agent_id, lock=True)
    _, seat = _seat(session, configuration)
    if configuration.user_id != edited_user_id(session) or seat.gpu_id is None:
        message = f"{agent_id} has no card of yours."
        raise Refused(message)
    write_place(session, seat, configuration, None, reason or "released")
    return keep_decision(session, seat, configuration, seat.gpu_id, None, explanation=Explanation(), reason=reason)


def decide(
    fleet: LoadedFleet, seat: Seat, gpu_id: int | None = None, *, sees_all: bool = True
) -> tuple[int | None, Explanation]:
    """Where the agent goes, and why; it is promised there in `fleet`, in the place of what it had.

    `gpu_id`: this card or none.
    """
    placer = fleet.placer
    if gpu_id is not None and gpu_id not in placer.ledger.position_of:
        raise InvalidInput({"gpu_id": f"There is no GPU {gpu_id}."})
    if seat.objection is not None:
        return None, Explanation((Line((), "refused", f"{seat.objection}."),))
    held = placer.release(seat.name) if seat.name in placer.ledger.promises else None
    request = seat.fixed_to(gpu_id)
    reasons = explain(placer, request)
    explanation = explanation_of(reasons, because="it was asked for" if gpu_id is not None else None, sees_all=sees_all)
    if reasons.choice is None:
        if held is not None:
            placer.restore(held)
        return None, explanation
    (position,) = placer.promise(request, reasons.choice).cards
    return placer.ledger.cards[position].gpu.gpu_id, explanation


def write_place(
    session: Session, seat: Seat, configuration: AgentConfiguration, gpu_id: int | None, reason: str
) -> None:
    """Store where the agent is as the next version of its configuration, unless it is there already."""
    if configuration.gpu_assignment != gpu_id:
        fields = ConfigurationFields.of(configuration).model_copy(update={"gpu_assignment": gpu_id})
        me = principal_of(session).user_id
        write_version(session, configuration, fields, reason, changed_by=me, owner_id=me or seat.answers_id)


def keep_decision(
    session: Session,
    seat: Seat,
    configuration: AgentConfiguration,
    before: int | None,
    after: int | None,
    *,
    explanation: Explanation,
    reason: str | None,
    cause: str = "asked",
    plan_id: int | None = None,
) -> Decided:
    """Keep a decision with its reasons."""
    principal = principal_of(session)
    owner_id = configuration.user_id if principal.sees_all else principal.user_id
    memory = seat.memory_mib if after is not None else None
    outcome = _outcome(before, after, explanation)
    decision = PlacementDecision(
        user_id=owner_id,
        # None alone would mean the column's default, which is whoever is bound to the transaction.
        actor_id=null() if principal.user_id is None else principal.user_id,
        plan_id=plan_id,
        configuration_id=configuration.id if configuration.user_id == owner_id else None,
        agent_id=seat.agent_id,
        model_name=seat.model_name,
        outcome=outcome,
        cause=cause,
        from_gpu_id=before,
        to_gpu_id=after,
        memory_mb=memory,
        reason=reason,
        explanation=explanation.as_json(),
    )
    session.add(decision)
    session.flush()
    return Decided(decision.id, seat.agent_id, outcome, before, after, memory, explanation)


def _seat(session: Session, configuration: AgentConfiguration) -> tuple[LoadedFleet, Seat]:
    """The fleet, and in it the agent with this configuration."""
    fleet = load_fleet(session, CONFIGURATIONS.c.id == configuration.id)
    return fleet, next(seat for seat in fleet.seats.values() if seat.configuration_id == configuration.id)


def _outcome(before: int | None, after: int | None, explanation: Explanation) -> str:
    if after is None:
        return "refused" if explanation.lines else "released"
    if before is None:
        return "placed"
    return "kept" if before == after else "moved"
