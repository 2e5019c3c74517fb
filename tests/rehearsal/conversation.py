"""A whole conversation with the rehearsal, by the prompts that a team is asked with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from helios_core.measures.consensus import Answered
from helios_core.rehearsal.behaviour import Behaviour
from helios_core.rehearsal.reading import read
from helios_core.rehearsal.writing import write
from helios_core.runtime import prompts
from helios_core.runtime.directives import Member, Plan, parse_plan
from helios_core.runtime.prompts import Ask
from helios_core.services.team import default_team

TEAM = tuple(
    Member(member.agent_id, member.display_name, member.description)
    for member in default_team()
    if member.group != "lead"
)


def rehearsed(ask: Ask, behaviour: Behaviour) -> str:
    """What the rehearsal answers."""
    messages = [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}]
    return write(read(messages, ask.schema), behaviour)


def structured(ask: Ask, behaviour: Behaviour) -> Mapping[str, object]:
    """What it answers to a schema."""
    found: Mapping[str, object] = json.loads(rehearsed(ask, behaviour))
    assert ask.schema is not None
    assert set(found) == set(ask.schema["properties"])  # type: ignore[call-overload]  # JSON schema
    return found


@dataclass(frozen=True)
class Told:
    """What came of a question up to the experts' answers."""

    plan: Plan
    responses: tuple[Answered, ...]


def told(question: str, behaviour: Behaviour) -> Told:
    """The plan for a question and the answers to its directives."""
    drawn = structured(prompts.plan("You are the Project Manager.", question, TEAM), behaviour)
    plan = parse_plan(drawn, TEAM, pm_agent_id="project_manager")
    names = {member.agent_id: member.display_name for member in TEAM}
    responses = tuple(
        Answered(
            directive.agent_id,
            names[directive.agent_id],
            rehearsed(prompts.answer("You are an expert.", directive, question), behaviour),
        )
        for directive in plan.directives
    )
    return Told(plan, responses)
