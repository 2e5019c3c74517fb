"""Previews: what a rule or a constraint would change before it holds. Nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from helios_core.models import LoadBalancingRule, ResourceConstraint
from helios_core.services.constraints import ConstraintFields
from helios_core.services.fleet import LoadedFleet, load_fleet, objection_to_all
from helios_core.services.limits import holds_at, rule_of
from helios_core.services.placement import decide
from helios_core.services.rules import Contradiction, RuleFields, contradictions
from helios_core.services.trials import rooms
from helios_core.services.whatif import Room


@dataclass(frozen=True, slots=True)
class Breach:
    """An agent that is where it could not be placed any more; it stays until somebody moves it."""

    agent: str
    gpu_id: int
    cause: str

    @property
    def sentence(self) -> str:
        """The breach in one line."""
        return f"{self.agent} on GPU {self.gpu_id}: {self.cause}."


@dataclass(frozen=True, slots=True)
class Preview:
    """What would change. Breaches are those that there are not already."""

    holds_now: bool
    """Whether the change would hold at once, by its times and hours."""
    contradictions: tuple[Contradiction, ...]
    breaches: tuple[Breach, ...]
    homeless: tuple[str, ...]
    """Agents that are in breach, and that no other card would take."""
    rooms: tuple[Room, ...]
    """How many more agents of each kind fit, now and then."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to think of before it is saved."""
        named = [found.sentence for found in self.contradictions]
        named += [] if self.holds_now else ["It would not hold now: its time, its hours, or its switch are against it."]
        named += [breach.sentence for breach in self.breaches]
        named += [f"No card would take {agent}." for agent in self.homeless]
        named += [
            f"{room.after} instead of {room.now} more agents with {room.model_name} would fit."
            for room in self.rooms
            if room.now != room.after
        ]
        return tuple(named) or ("It would change nothing now.",)


def preview_rule(session: Session, values: Mapping[str, object], rule_id: int | None = None) -> Preview:
    """What a rule with these fields would change; `rule_id`: in the place of this one. Raises InvalidInput."""
    fields = RuleFields.validated(values)
    before = None if rule_id is None else session.get(LoadBalancingRule, rule_id)
    fleet = load_fleet(session)
    holds = holds_at(fields, fleet.now)
    name = None if before is None else before.name
    limits = fleet.limits.with_rule(name, rule_of(fields) if holds else None)
    return _preview(fleet, load_fleet(session, limits=limits), holds, contradictions(session, fields, rule_id))


def preview_constraint(session: Session, values: Mapping[str, object], constraint_id: int | None = None) -> Preview:
    """What a constraint with these fields would change; `constraint_id`: in the place of this one."""
    fields = ConstraintFields.validated(values)
    before = None if constraint_id is None else session.get(ResourceConstraint, constraint_id)
    fleet = load_fleet(session)
    key = None if before is None else (before.model_provider.value, before.model_name)
    changed = load_fleet(session, limits=fleet.limits.with_constraint(key, fields))
    return _preview(fleet, changed, True, ())


def breaches(fleet: LoadedFleet) -> dict[str, Breach]:
    """Who is where the limits would not let them be placed, by name; those of other users are left out."""
    found = {}
    for seat in fleet.seats.values():
        if seat.gpu_ids and not seat.is_unseen and (objection := objection_to_all(fleet, seat, seat.gpu_ids)):
            found[seat.name] = Breach(seat.name, *objection)
    return found


def _preview(before: LoadedFleet, after: LoadedFleet, holds: bool, contradicted: tuple[Contradiction, ...]) -> Preview:
    known, then = breaches(before), breaches(after)
    new = {name: breach for name, breach in then.items() if name not in known}
    homeless = tuple(name for name in new if not decide(after.copy(), after.seats[name])[0])
    return Preview(holds, contradicted, tuple(new.values()), homeless, rooms(before, after))
