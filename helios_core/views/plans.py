"""Plans of placement: drafts, those that hold, and those that were undone."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from helios_core.errors import NotFound
from helios_core.models import AgentProfile, PlacementMove, PlacementPlan, User
from helios_core.services.explanations import Explanation, as_explanation
from helios_core.services.plans import way_of
from helios_core.services.seat_rows import describes
from helios_core.views.participants import named


@dataclass(frozen=True, slots=True)
class PlanMove:
    """One agent's way. Without a card before or after, it had none, or gets none. Memory in MiB."""

    configuration_id: int | None
    agent_id: str
    agent_name: str
    """What people call it."""
    owner: str | None
    """None: the default of all users."""
    from_gpu_ids: tuple[int, ...]
    to_gpu_ids: tuple[int, ...]
    memory_mib: int | None
    explanation: Explanation
    is_new: bool
    """Whether the plan adds the agent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Moves that are made, and undone, together; those that the reader may see."""

    id: int
    status: str
    cause: str
    """person, or balancing: Helios itself proposes it."""
    title: str
    reasons: tuple[str, ...]
    created_by: str | None
    created_at: datetime
    applied_at: datetime | None
    undone_at: datetime | None
    moves: tuple[PlanMove, ...]

    @property
    def may_be_applied(self) -> bool:
        """Whether it is a draft."""
        return self.status == "draft"

    @property
    def may_be_undone(self) -> bool:
        """Whether it holds; undoing it is refused where something changed since."""
        return self.status == "applied"


def list_plans(session: Session, status: str | None = None, limit: int = 50) -> tuple[Plan, ...]:
    """The newest plans, of this status or of all."""
    plans = select(PlacementPlan, User.username).outerjoin(User, User.id == PlacementPlan.created_by)
    if status is not None:
        plans = plans.where(PlacementPlan.status == status)
    newest = plans.order_by(PlacementPlan.created_at.desc(), PlacementPlan.id.desc()).limit(limit)
    rows = session.execute(newest).all()
    moves = _moves(session, [plan.id for plan, _ in rows])
    return tuple(_plan(plan, username, moves.get(plan.id, ())) for plan, username in rows)


def find_plan(session: Session, plan_id: int) -> Plan:
    """One plan, or NotFound."""
    found = session.execute(
        select(PlacementPlan, User.username)
        .outerjoin(User, User.id == PlacementPlan.created_by)
        .where(PlacementPlan.id == plan_id)
    ).one_or_none()
    if found is None:
        message = f"There is no plan {plan_id}."
        raise NotFound(message)
    plan, username = found
    return _plan(plan, username, _moves(session, [plan_id]).get(plan_id, ()))


def _moves(session: Session, plan_ids: list[int]) -> dict[int, tuple[PlanMove, ...]]:
    rows = session.execute(
        select(PlacementMove, User.username, AgentProfile.display_name)
        .outerjoin(User, User.id == PlacementMove.user_id)
        .outerjoin(AgentProfile, describes(PlacementMove.agent_id))
        .where(PlacementMove.plan_id.in_(plan_ids))
        .order_by(PlacementMove.plan_id, PlacementMove.position)
    )
    found: dict[int, tuple[PlanMove, ...]] = {}
    for row, username, name in rows:
        before, after = way_of(row)
        move = PlanMove(
            configuration_id=row.configuration_id,
            agent_id=row.agent_id,
            agent_name=named(row.agent_id, name or (row.newcomer or {}).get("display_name")),
            owner=username,
            from_gpu_ids=before,
            to_gpu_ids=after,
            memory_mib=row.memory_mb,
            explanation=as_explanation(row.explanation),
            is_new=row.newcomer is not None,
        )
        found[row.plan_id] = (*found.get(row.plan_id, ()), move)
    return found


def _plan(row: PlacementPlan, username: str | None, moves: tuple[PlanMove, ...]) -> Plan:
    return Plan(
        id=row.id,
        status=row.status,
        cause=row.cause,
        title=row.title,
        reasons=tuple(map(str, row.reasons)),
        created_by=username,
        created_at=row.created_at,
        applied_at=row.applied_at,
        undone_at=row.undone_at,
        moves=moves,
    )
