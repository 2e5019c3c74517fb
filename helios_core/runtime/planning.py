"""Planning: the PM divides the question into tasks for experts, and is told once what was wrong with its plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.orm import Session

from helios_core.errors import MisshapenAnswer
from helios_core.models import ConversationPhase
from helios_core.providers.chat import ChatAnswer
from helios_core.runtime import prompts
from helios_core.runtime.directives import Directive, Member, Plan, parse_plan
from helios_core.runtime.judges import directive_of
from helios_core.runtime.plans import excerpt
from helios_core.runtime.tools import Desk
from helios_core.services import delegations
from helios_core.services.delegations import NewDelegation
from helios_core.services.findings import Finding, record_findings
from helios_core.services.runs import HIGHEST_PRIORITY, LOWEST_PRIORITY, USUAL_PRIORITY
from helios_core.services.transcripts import NewMessage, append, enter
from helios_core.views.briefs import Attempt, Brief, Seat, Work

HARMLESS = ("inline_mention", "misshapen_plan")
"""Findings for which no plan has to be made again."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, what was found wrong on the way to it, and the answer that it was read from, whose text is `said`."""

    plan: Plan
    findings: tuple[Finding, ...]
    said: str
    answer: ChatAnswer | None
    """None where it was not in the form that was asked for."""


async def plan(desk: Desk, brief: Brief) -> Brief:
    """Plan the work, or what a review wants changed; then the experts begin, or, without a task, the synthesis."""
    attempts = brief.work.attempts if brief.work is not None else ()
    made = await _ask(desk, brief, [directive_of(attempt) for attempt in attempts])
    phase = ConversationPhase.PROCESSING if made.plan.directives else ConversationPhase.SYNTHESIS
    written = await desk.leave_phase("plan", brief.phase, lambda session: _record(session, desk, brief, made, attempts))
    return replace(brief, phase=phase, work=written, plan=_words(made))


async def _ask(desk: Desk, brief: Brief, earlier: Sequence[Directive]) -> Planned:
    """Ask for a plan, and once more where something in it cannot be done."""
    first = await _ask_once(desk, brief, earlier, ())
    wrong = [finding for finding in first.findings if finding.kind not in HARMLESS]
    if not wrong:
        return first
    second = await _ask_once(desk, brief, earlier, first.findings)
    return replace(second, findings=(*first.findings, *second.findings))


async def _ask_once(desk: Desk, brief: Brief, earlier: Sequence[Directive], findings: Sequence[Finding]) -> Planned:
    team = [_member(brief.seats[agent_id]) for agent_id in brief.experts]
    manager = brief.seats[brief.pm_agent_id]
    ask = prompts.plan(
        manager.system_prompt, brief.question, team, findings=findings, earlier=earlier, changes=brief.changes
    )
    read = partial(parse_plan, team=team, pm_agent_id=brief.pm_agent_id, earlier=earlier)
    try:
        answer = await desk.ask(manager, ask)
    except MisshapenAnswer as error:
        return _in_words(error, read(error.text))
    plan = read(answer.structured or answer.text)
    return Planned(plan, plan.findings, answer.text, answer)


def _in_words(error: MisshapenAnswer, plan: Plan) -> Planned:
    """What a plan means that is not in the form that was asked for twice, where it addresses anybody."""
    if not plan.directives:
        raise error
    sentence = f"The plan is not in the form that was asked for. {error.fault}"
    found = Finding("misshapen_plan", sentence, excerpt(error.text), "It was read as the words that it is.")
    return Planned(plan, (found, *plan.findings), error.text, None)


def _member(seat: Seat) -> Member:
    return Member(seat.agent_id, seat.name, seat.description)


def _words(made: Planned) -> str:
    """The plan as people read it; the directives follow it one by one."""
    return made.plan.summary or made.said


def _record(session: Session, desk: Desk, brief: Brief, made: Planned, attempts: Sequence[Attempt]) -> Work:
    """Write the plan with its tasks; all tasks as they stand then."""
    message = NewMessage(
        user_id=brief.user_id,
        conversation_id=brief.conversation_id,
        speaker=brief.pm_agent_id,
        kind="plan",
        content=_words(made),
        phase=brief.phase,
        input_tokens=None if made.answer is None else made.answer.input_tokens,
        output_tokens=None if made.answer is None else made.answer.output_tokens,
    )
    record_findings(session, brief.conversation_id, made.findings)
    if made.plan.directives:
        tasks = _tasks(desk, brief, made.plan, attempts)
        planned = zip(delegations.plan(session, desk.hold, message, tasks), tasks, strict=True)
        phases = (ConversationPhase.DELEGATION, ConversationPhase.PROCESSING)
        enter(session, brief.conversation_id, *(phase for phase in phases if phase is not brief.phase))
        attempts = (*attempts, *(_attempt(delegation_id, task) for delegation_id, task in planned))
    else:
        append(session, [message])
        enter(session, brief.conversation_id, ConversationPhase.SYNTHESIS)
    return Work(tuple(attempts), () if brief.work is None else brief.work.answers)


def _attempt(delegation_id: int, task: NewDelegation) -> Attempt:
    return Attempt(
        delegation_id=delegation_id,
        place=task.place,
        depends_on=task.depends_on,
        agent_id=task.agent_id,
        task=task.task,
        directive=task.directive,
        given=task.given,
        requirements=task.requirements,
        review_round=task.review_round,
        status=task.status,
        attempt=1,
        priority=task.priority,
    )


def _tasks(desk: Desk, brief: Brief, made: Plan, attempts: Sequence[Attempt]) -> list[NewDelegation]:
    """The directives as tasks whose places follow those that there are."""
    first = 1 + max((attempt.place for attempt in attempts), default=-1)
    return [
        NewDelegation(
            place=first + place,
            agent_id=directive.agent_id,
            task=directive.task,
            directive=directive.text,
            requirements=directive.requirements,
            depends_on=tuple(first + other for other in directive.depends_on),
            given=directive.context,
            review_round=len(brief.syntheses),
            priority=_priority(brief, directive.agent_id),
            timeout_seconds=brief.seats[directive.agent_id].timeout_seconds,
            begins=not (directive.depends_on or desk.is_paused or brief.seats[directive.agent_id].gpu_ids),
        )
        for place, directive in enumerate(made.directives)
    ]


def _priority(brief: Brief, agent_id: str) -> int:
    """An agent's own priority, as much higher or lower as the conversation's is than usual."""
    wanted = brief.seats[agent_id].priority + brief.priority - USUAL_PRIORITY
    return min(max(wanted, LOWEST_PRIORITY), HIGHEST_PRIORITY)
