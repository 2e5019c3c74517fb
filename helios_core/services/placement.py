"""Placement: an agent gets the card that costs the others least, with the reasons; rules and quotas are kept.

Where an agent is stands in its configuration, and a placement is a version of it like any other: the promise of the
card's memory, the audit and the roll-back go with it. The locks are taken in one order everywhere: those on agents, by
their ids, and then the one on the fleet, so that no two transactions wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from helios_core.allocation.explain import explain_now
from helios_core.database.rows import insert_rows
from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, Refused
from helios_core.models import AgentConfiguration, PlacementDecision
from helios_core.services.agents import edited_configuration, edited_user_id, own_configuration
from helios_core.services.allocations import cards_of
from helios_core.services.audit import checked_reason
from helios_core.services.configurations import ConfigurationFields
from helios_core.services.explanations import Explanation, Line, explanation_of, in_words
from helios_core.services.fleet import LoadedFleet, lock_fleet
from helios_core.services.kept_fleet import fleet_for
from helios_core.services.memory import MemoryBook
from helios_core.services.permissions import Action, require
from helios_core.services.seats import Seat, numbers_in_words
from helios_core.services.versions import lock_agents, write_version


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of an agent. `outcome`: placed, moved, kept, released or refused. Memory in MiB."""

    decision_id: int
    agent_id: str
    agent_name: str
    """What people call it."""
    outcome: str
    from_gpu_ids: tuple[int, ...]
    gpu_ids: tuple[int, ...]
    memory_mib: int | None
    explanation: Explanation

    @property
    def sentence(self) -> str:
        """The decision in one line."""
        if self.outcome == "refused":
            return f"No card takes {self.agent_name}. {self.explanation.refusal}"
        if self.outcome == "released":
            return f"{self.agent_name} has no card any more."
        verb = {"kept": "stays on", "moved": "moves to"}.get(self.outcome, "is placed on")
        return f"{self.agent_name} {verb} {in_words(self.gpu_ids)}."


def place(session: Session, agent_id: str, gpu_ids: Sequence[int] = (), reason: str | None = None) -> Decided:
    """Put what the principal edits of an agent on exactly these cards, or where it costs least.

    A refusal is a decision, too, and is kept with its reasons. Raises NotFound, NotAllowed, InvalidInput for a card
    that there is none of, and Refused for an agent that is switched off.
    """
    require(session, Action.EDIT_CONFIGURATIONS)
    reason = checked_reason(reason)
    lock_agents(session, [agent_id])
    lock_fleet(session)
    configuration = edited_configuration(session, agent_id, lock=True)
    if not configuration.is_enabled:
        message = f"{agent_id} is switched off; switch it on, and place it then."
        raise Refused(message)
    attempt = session.begin_nested() if configuration.user_id != edited_user_id(session) else None
    if attempt is not None:
        configuration = own_configuration(session, configuration)
    with fleet_for(session, configuration.id) as (fleet, seat):
        chosen, explanation = decide(fleet, seat, gpu_ids, sees_all=principal_of(session).sees_all)
    if chosen:
        write_place(session, seat, configuration, chosen, reason or "placed", book=fleet.book)
    if attempt is not None:
        attempt.commit() if chosen else attempt.rollback()
    kept = configuration if chosen else edited_configuration(session, agent_id)
    return keep_decision(session, seat, kept, seat.gpu_ids, chosen, explanation=explanation, reason=reason)


def release(session: Session, agent_id: str, reason: str | None = None) -> Decided:
    """Take what the principal edits of an agent off its card; Refused where it has none."""
    require(session, Action.EDIT_CONFIGURATIONS)
    reason = checked_reason(reason)
    lock_agents(session, [agent_id])
    lock_fleet(session)
    configuration = edited_configuration(session, agent_id, lock=True)
    with fleet_for(session, configuration.id) as (fleet, seat):
        book = fleet.book
    if configuration.user_id != edited_user_id(session) or not seat.gpu_ids:
        message = f"{seat.title} has no card of yours."
        raise Refused(message)
    write_place(session, seat, configuration, (), reason or "released", book=book)
    return keep_decision(session, seat, configuration, seat.gpu_ids, (), explanation=Explanation(), reason=reason)


def decide(
    fleet: LoadedFleet, seat: Seat, gpu_ids: Sequence[int] = (), *, sees_all: bool = True
) -> tuple[tuple[int, ...], Explanation]:
    """The cards where the agent goes, none where it is refused, and why.

    It is promised there in `fleet`, in the place of what it had. `gpu_ids`: exactly these cards, or nowhere.
    """
    placer = fleet.placer
    for gpu_id in gpu_ids:
        if gpu_id not in placer.ledger.position_of:
            raise InvalidInput({"gpu_id": f"There is no GPU {gpu_id}."})
    objection = seat.objection or (seat.number_objection(len(gpu_ids)) if gpu_ids else None)
    if objection is not None:
        return (), Explanation((Line((), "refused", f"{objection}."),))
    held = placer.release(seat.name) if seat.name in placer.ledger.promises else None
    request = seat.fixed_to(gpu_ids)
    reasons = explain_now(placer, request)
    explanation = explanation_of(reasons, because="it was asked for" if gpu_ids else None, sees_all=sees_all)
    if reasons.choice is not None:
        return tuple(sorted(placer.ledger.gpu_ids(placer.promise(request, reasons.choice)))), explanation
    if held is not None:
        placer.restore(held)
    return (), _also_divided(explanation, seat) if not gpu_ids else explanation


def _also_divided(explanation: Explanation, seat: Seat) -> Explanation:
    """The refusal, with what was tried besides the number of cards that it is about."""
    if not seat.numbers[1:]:
        return explanation
    further = numbers_in_words(seat.numbers[1:])
    line = Line((), "refused", f"divided over {further} cards of one host it has no room either.")
    return Explanation((*explanation.lines, line))


def write_place(
    session: Session,
    seat: Seat,
    configuration: AgentConfiguration,
    gpu_ids: Sequence[int],
    reason: str,
    *,
    switches_off: bool = False,
    book: MemoryBook | None = None,
) -> None:
    """Store where the agent is as the next version of its configuration, unless it is there already."""
    first, *further = sorted(gpu_ids) or (None,)
    if switches_off or set(cards_of(configuration)) != set(gpu_ids):
        changes: dict[str, Any] = {"gpu_assignment": first, "further_gpu_ids": further}
        if switches_off:
            changes["is_enabled"] = False
        fields = ConfigurationFields.of(configuration).model_copy(update=changes)
        me = principal_of(session).user_id
        write_version(session, configuration, fields, reason, changed_by=me, owner_id=me or seat.answers_id, book=book)


def keep_decision(
    session: Session,
    seat: Seat,
    configuration: AgentConfiguration,
    before: Sequence[int],
    after: Sequence[int],
    *,
    explanation: Explanation,
    reason: str | None,
    cause: str = "asked",
    plan_id: int | None = None,
) -> Decided:
    """Keep a decision with its reasons."""
    principal = principal_of(session)
    owner_id = configuration.user_id if principal.sees_all else principal.user_id
    memory = seat.memory_mib if after else None
    (first_before, *further_before), (first_after, *further_after) = before or (None,), after or (None,)
    outcome = _outcome(before, after, explanation)
    decision = {
        "user_id": owner_id,
        "actor_id": principal.user_id,
        "plan_id": plan_id,
        "configuration_id": configuration.id if configuration.user_id == owner_id else None,
        "agent_id": seat.agent_id,
        "model_name": seat.model_name,
        "outcome": outcome,
        "cause": cause,
        "from_gpu_id": first_before,
        "to_gpu_id": first_after,
        "from_further_gpu_ids": further_before,
        "to_further_gpu_ids": further_after,
        "memory_mb": memory,
        "reason": reason,
        "explanation": explanation.as_json(),
    }
    (kept,) = insert_rows(session, PlacementDecision, [decision], "id")
    agent = (seat.agent_id, seat.name)
    return Decided(kept.id, *agent, outcome, tuple(before), tuple(after), memory, explanation)


def _outcome(before: Sequence[int], after: Sequence[int], explanation: Explanation) -> str:
    if not after:
        is_refused = any(line.verdict == "refused" for line in explanation.lines)
        return "refused" if is_refused or not before else "released"
    if not before:
        return "placed"
    return "kept" if tuple(before) == tuple(after) else "moved"
