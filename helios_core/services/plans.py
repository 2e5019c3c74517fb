"""Plans: moves that hold together. A plan is made, and undone, as one transaction, or refused as a whole.

It is refused where what it was made for has changed: an agent saved since, or on another card, or a card that no longer
takes it. Rules and quotas count when it is applied, not only when it was drafted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from helios_core.database.session import principal_of
from helios_core.errors import InvalidInput, NotFound, Refused
from helios_core.models import AgentConfiguration, PlacementDecision, PlacementMove, PlacementPlan
from helios_core.services.audit import checked_reason, recorded
from helios_core.services.explanations import Explanation, as_explanation, in_words
from helios_core.services.fleet import LoadedFleet, load_fleet, lock_fleet
from helios_core.services.newcomers import create, kept
from helios_core.services.permissions import Action, require
from helios_core.services.placement import Decided, decide, keep_decision, write_place
from helios_core.services.seat_rows import CONFIGURATIONS
from helios_core.services.seats import Seat
from helios_core.services.trials import what_if
from helios_core.services.versions import lock_agents
from helios_core.services.whatif import DraftMove, WhatIfDraft

TITLE_MAX_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Step:
    """One agent's way as a plan is applied or undone: from the card where it has to be now, to the other."""

    move: PlacementMove
    version: int
    from_gpu_ids: tuple[int, ...]
    to_gpu_ids: tuple[int, ...]
    explanation: Explanation
    is_undone: bool = False

    @property
    def switches_off(self) -> bool:
        """Whether it is the undoing of an agent that the plan added: it is kept, since work may refer to it."""
        return self.is_undone and self.move.newcomer is not None


def draft_plan(session: Session, draft: WhatIfDraft, title: str = "", *, cause: str = "person") -> int:
    """Keep a draft as a plan, and return its id. Refused where it moves nobody, or no card takes somebody."""
    require(session, Action.MOVE_AGENTS)
    if draft.new_cards:
        message = "A plan needs cards that are there; leave new ones out of it."
        raise Refused(message)
    found = what_if(session, draft)
    if found.refusals:
        raise Refused(" ".join(found.refusals))
    if not found.moves:
        message = "This moves nobody: everybody is there already."
        raise Refused(message)
    return keep_plan(session, found.moves, title, cause=cause)


def keep_plan(
    session: Session, moves: Sequence[DraftMove], title: str, reasons: Sequence[str] = (), *, cause: str = "person"
) -> int:
    """Keep these moves as a plan that waits for somebody who applies it."""
    movable = [move for move in moves if move.configuration_id is not None or move.newcomer is not None]
    configurations = _configurations(session, [move.configuration_id for move in movable])
    me = principal_of(session).user_id
    plan = PlacementPlan(
        title=_title(title) or _summary(movable[0], configurations, len(movable)),
        reasons=list(reasons),
        cause=cause,
        created_by=null() if me is None else me,
    )
    with recorded(session, "drafted", plan, by_helios=me is None):
        pass
    for position, move in enumerate(movable):
        session.add(_row(plan.id, position, move, configurations.get(move.configuration_id or 0)))
    session.flush()
    return plan.id


def _row(plan_id: int, position: int, move: DraftMove, configuration: AgentConfiguration | None) -> PlacementMove:
    """A move as it is kept; without a configuration it is an agent's that is to be created."""
    (first_before, *further_before) = move.from_gpu_ids or (None,)
    (first_after, *further_after) = move.to_gpu_ids or (None,)
    return PlacementMove(
        user_id=None if configuration is None else configuration.user_id,
        plan_id=plan_id,
        position=position,
        configuration_id=None if configuration is None else configuration.id,
        agent_id=move.agent_id,
        version_before=0 if configuration is None else configuration.version,
        from_gpu_id=first_before,
        to_gpu_id=first_after,
        from_further_gpu_ids=further_before,
        to_further_gpu_ids=further_after,
        memory_mb=move.memory_mib,
        explanation=move.explanation.as_json(),
        newcomer=None if move.newcomer is None else kept(move.newcomer),
    )


def way_of(move: PlacementMove | PlacementDecision) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The cards before and after."""
    return (
        () if move.from_gpu_id is None else (move.from_gpu_id, *move.from_further_gpu_ids),
        () if move.to_gpu_id is None else (move.to_gpu_id, *move.to_further_gpu_ids),
    )


def apply_plan(session: Session, plan_id: int, reason: str | None = None) -> tuple[Decided, ...]:
    """Make all moves of a draft. Refused where anything that it was made for has changed."""
    plan, moves = _opened(session, plan_id, "draft", "apply")
    lock_agents(session, {move.agent_id for move in moves})
    lock_fleet(session)
    for move in moves:
        if move.newcomer is not None:
            configuration = create(session, move.newcomer)
            move.configuration_id, move.version_before = configuration.id, configuration.version
    steps = [_Step(move, move.version_before, *way_of(move), as_explanation(move.explanation)) for move in moves]
    decided = _make(session, plan, steps, checked_reason(reason) or plan.title, "plan")
    with recorded(session, "applied", plan, reason, by_helios=principal_of(session).user_id is None):
        plan.status, plan.applied_at = "applied", func.clock_timestamp()
    return decided


def undo_plan(session: Session, plan_id: int, reason: str | None = None) -> tuple[Decided, ...]:
    """Put everybody back where they were before. Refused where somebody moved, or was saved, since."""
    plan, moves = _opened(session, plan_id, "applied", "undo")
    lock_agents(session, {move.agent_id for move in moves})
    lock_fleet(session)
    steps = []
    for move in moves:
        before, after = way_of(move)
        steps.append(_Step(move, move.version_after or 0, after, before, Explanation(), is_undone=True))
    decided = _make(session, plan, steps, checked_reason(reason) or f"undone: {plan.title}"[:500], "undo")
    with recorded(session, "undone", plan, reason):
        plan.status, plan.undone_at = "undone", func.clock_timestamp()
    return decided


def discard_plan(session: Session, plan_id: int, reason: str | None = None) -> None:
    """Let a draft be: nobody will apply it."""
    plan, _ = _opened(session, plan_id, "draft", "discard")
    with recorded(session, "discarded", plan, reason, by_helios=principal_of(session).user_id is None):
        plan.status = "discarded"


def _opened(session: Session, plan_id: int, status: str, verb: str) -> tuple[PlacementPlan, Sequence[PlacementMove]]:
    """The plan, which nobody else touches before this transaction ends, with its moves."""
    require(session, Action.MOVE_AGENTS)
    plan = session.get(PlacementPlan, plan_id, with_for_update=True, populate_existing=True)
    if plan is None:
        message = f"There is no plan {plan_id}."
        raise NotFound(message)
    if plan.status != status:
        message = f"Plan {plan_id} is {plan.status}: there is nothing to {verb}."
        raise Refused(message)
    moves = select(PlacementMove).where(PlacementMove.plan_id == plan_id).order_by(PlacementMove.position)
    return plan, session.scalars(moves.execution_options(populate_existing=True)).all()


def _make(
    session: Session, plan: PlacementPlan, steps: Sequence[_Step], reason: str, cause: str
) -> tuple[Decided, ...]:
    known = _configurations(session, [step.move.configuration_id for step in steps])
    configurations = [_unchanged(step, known.get(step.move.configuration_id or 0)) for step in steps]
    fleet = load_fleet(session, CONFIGURATIONS.c.id.in_(list(known)))
    seats = {seat.configuration_id: seat for seat in fleet.seats.values()}
    ways = [(step, found, seats[found.id]) for step, found in zip(steps, configurations, strict=True)]
    explained = _checked(fleet, [(step, seat) for step, _, seat in ways])
    for step, configuration, seat in ways:
        if step.from_gpu_ids:
            write_place(session, seat, configuration, (), reason, switches_off=step.switches_off)
    decided = []
    for step, configuration, seat in ways:
        write_place(session, seat, configuration, step.to_gpu_ids, reason)
        step.move.version_after = configuration.version
        decided.append(
            keep_decision(
                session, seat, configuration, step.from_gpu_ids, step.to_gpu_ids,
                explanation=step.explanation if step.explanation.lines else explained.get(seat.name, Explanation()),
                reason=reason, cause=cause, plan_id=plan.id,
            )
        )  # fmt: skip
    return tuple(decided)


def _unchanged(step: _Step, configuration: AgentConfiguration | None) -> AgentConfiguration:
    """The configuration as the plan knows it, or Refused with what changed."""
    agent_id = step.move.agent_id
    if configuration is None:
        message = f"{agent_id} is gone; draft a new plan."
        raise Refused(message)
    if configuration.version != step.version:
        message = (
            f"{agent_id} was saved since, as version {configuration.version} after {step.version}; draft a new plan."
        )
        raise Refused(message)
    return configuration


def _checked(fleet: LoadedFleet, ways: Sequence[tuple[_Step, Seat]]) -> dict[str, Explanation]:
    """Why each card takes whom the plan puts there, all having left before; Refused where one does not."""
    for _, seat in ways:
        if seat.name in fleet.placer.ledger.promises:
            fleet.placer.release(seat.name)
    explained = {}
    for step, seat in ways:
        if not step.to_gpu_ids:
            continue
        try:
            gpu_ids, explanation = decide(fleet, seat, step.to_gpu_ids)
        except InvalidInput as error:
            raise Refused(str(error)) from error
        if not gpu_ids:
            wanted = set(step.to_gpu_ids)
            here = [
                line.sentence for line in explanation.lines if wanted.intersection(line.gpu_ids) or not line.gpu_ids
            ]
            message = f"{seat.name} cannot be on {in_words(step.to_gpu_ids)}: {' '.join(here)}"
            raise Refused(message)
        explained[seat.name] = explanation
    return explained


def _configurations(session: Session, ids: Sequence[int | None]) -> dict[int, AgentConfiguration]:
    query = select(AgentConfiguration).where(AgentConfiguration.id.in_([key for key in ids if key is not None]))
    return {row.id: row for row in session.scalars(query.execution_options(populate_existing=True))}


def _title(title: str) -> str:
    title = title.strip()
    if len(title) > TITLE_MAX_CHARACTERS or "\0" in title:
        raise InvalidInput({"title": f"Name the plan in at most {TITLE_MAX_CHARACTERS} characters."})
    return title


def _summary(first: DraftMove, configurations: Mapping[int, AgentConfiguration], count: int) -> str:
    """What a plan without a name is called. All may read it, so it names no user's agent."""
    known = configurations.get(first.configuration_id or 0)
    agent = first.agent if known is None or known.user_id is None else "a user's agent"
    where = f"to {in_words(first.to_gpu_ids)}" if first.to_gpu_ids else "off its card"
    return f"{agent} {where}{'' if count == 1 else f', and {count - 1} more'}"[:TITLE_MAX_CHARACTERS]
