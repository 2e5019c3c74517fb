"""The log of decisions: where each agent was put, or why nowhere, with the reasons as they were then."""

from dataclasses import dataclass
from datetime import datetime
from itertools import product

from sqlalchemy import ColumnElement, Select, and_, any_, literal, or_, select, text, true, union
from sqlalchemy.orm import Session, aliased

from helios_core.database.session import Principal, principal_of
from helios_core.errors import NotFound
from helios_core.models import AgentProfile, PlacementDecision, PlacementPlan, User
from helios_core.models.placement import SEVERAL_CARDS
from helios_core.services.explanations import Explanation, as_explanation, in_words
from helios_core.services.plans import way_of
from helios_core.services.seat_rows import describes
from helios_core.views.paging import Cursor, Page, older_than
from helios_core.views.participants import named

Actor = aliased(User)
Owner = aliased(User)
NEWEST_FIRST = (PlacementDecision.decided_at.desc(), PlacementDecision.id.desc())


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions to list; None is all."""

    agent_id: str | None = None
    gpu_id: int | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. Memory in MiB; `actor` None is Helios itself."""

    id: int
    decided_at: datetime
    actor: str | None
    agent_id: str
    agent_name: str
    """What people call it."""
    owner: str | None
    """None: the default of all users."""
    model_name: str | None
    outcome: str
    """placed, moved, kept, released or refused."""
    cause: str
    """asked, plan, undo or lease."""
    from_gpu_ids: tuple[int, ...]
    to_gpu_ids: tuple[int, ...]
    memory_mib: int | None
    reason: str | None
    plan_id: int | None
    plan_status: str | None
    explanation: Explanation

    @property
    def sentence(self) -> str:
        """The decision in one line."""
        agent = self.agent_name if self.owner is None else f"{self.agent_name} of {self.owner}"
        match self.outcome:
            case "moved":
                return f"moved {agent} from {in_words(self.from_gpu_ids)} to {in_words(self.to_gpu_ids)}"
            case "released":
                return f"took {agent} off {in_words(self.from_gpu_ids)}"
            case "refused":
                return f"refused {agent}"
        return f"{self.outcome} {agent} on {in_words(self.to_gpu_ids)}"


def list_decisions(
    session: Session, which: DecisionFilter | None = None, after: Cursor | None = None, limit: int = 50
) -> Page[Decision]:
    """The newest decisions that match and that the reader may see."""
    newest = _newest(principal_of(session), which or DecisionFilter(), after, limit)
    rows = session.execute(_decisions().where(PlacementDecision.id.in_(newest)).order_by(*NEWEST_FIRST)).all()
    older = Cursor(rows[-1][0].decided_at, rows[-1][0].id) if len(rows) == limit else None
    return Page(tuple(_decision(*row) for row in rows), older)


def _newest(reader: Principal, which: DecisionFilter, after: Cursor | None, limit: int) -> Select[int]:
    """The ids of the newest that match.

    Each place in which one may stand is read along an index of its own: a user's and everybody's, to the card and from
    it.
    """
    conditions = [older_than(after, PlacementDecision.decided_at, PlacementDecision.id)]
    if which.agent_id is not None:
        conditions.append(PlacementDecision.agent_id == which.agent_id)
    if which.outcome is not None:
        conditions.append(PlacementDecision.outcome == which.outcome)
    owner, to, from_ = PlacementDecision.user_id, PlacementDecision.to_gpu_id, PlacementDecision.from_gpu_id
    owners = [true()] if reader.sees_all else [owner == reader.user_id, owner.is_(None)]
    cards = [true()] if which.gpu_id is None else [to == which.gpu_id, from_ == which.gpu_id, _among(which.gpu_id)]
    columns = (PlacementDecision.id, PlacementDecision.decided_at)
    places = [
        select(*columns).where(whose, card, *conditions).order_by(*NEWEST_FIRST).limit(limit).subquery()
        for whose, card in product(owners, cards)
    ]
    found = union(*map(select, places)).subquery()
    return select(found.c.id).order_by(found.c.decided_at.desc(), found.c.id.desc()).limit(limit)


def _among(gpu_id: int) -> ColumnElement[bool]:
    """Whether it is about this card as one of several; the condition of a small index comes first."""
    several = (PlacementDecision.from_further_gpu_ids, PlacementDecision.to_further_gpu_ids)
    return and_(text(f"({SEVERAL_CARDS})"), or_(*(literal(gpu_id) == any_(column) for column in several)))


def find_decision(session: Session, decision_id: int) -> Decision:
    """One decision, or NotFound."""
    found = session.execute(_decisions().where(PlacementDecision.id == decision_id)).one_or_none()
    if found is None:
        message = f"There is no decision {decision_id}."
        raise NotFound(message)
    return _decision(*found)


def _decisions() -> Select[PlacementDecision, str, str, str, str]:
    return (
        select(PlacementDecision, Actor.username, Owner.username, PlacementPlan.status, AgentProfile.display_name)
        .outerjoin(Actor, Actor.id == PlacementDecision.actor_id)
        .outerjoin(Owner, Owner.id == PlacementDecision.user_id)
        .outerjoin(PlacementPlan, PlacementPlan.id == PlacementDecision.plan_id)
        .outerjoin(AgentProfile, describes(PlacementDecision.agent_id))
    )


def _decision(
    row: PlacementDecision, actor: str | None, owner: str | None, plan_status: str | None, name: str | None
) -> Decision:
    before, after = way_of(row)
    return Decision(
        id=row.id,
        decided_at=row.decided_at,
        actor=actor,
        agent_id=row.agent_id,
        agent_name=row.agent_id if row.cause == "lease" and name is None else named(row.agent_id, name),
        owner=owner,
        model_name=row.model_name,
        outcome=row.outcome,
        cause=row.cause,
        from_gpu_ids=before,
        to_gpu_ids=after,
        memory_mib=row.memory_mb,
        reason=row.reason,
        plan_id=row.plan_id,
        plan_status=plan_status,
        explanation=as_explanation(row.explanation),
    )
