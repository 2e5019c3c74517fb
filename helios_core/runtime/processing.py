"""Processing: the experts answer, and what they answered is checked against what was asked."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from helios_core.models import ConversationPhase
from helios_core.runtime.answers import read_answer
from helios_core.runtime.experts import Experts
from helios_core.runtime.quality import self_assessment
from helios_core.runtime.requirements import Checks, check_requirements
from helios_core.runtime.tools import Desk
from helios_core.services import runs
from helios_core.services.checkpoints import Verdict, record_check
from helios_core.services.findings import record_findings
from helios_core.services.scores import record_self_assessments
from helios_core.services.transcripts import enter
from helios_core.views.briefs import Answer, Brief, Work


async def process(desk: Desk, brief: Brief) -> Brief:
    """Let the experts answer; a conversation in which nobody does has failed."""
    done = await Experts(desk, brief).work()
    if not done.answers:
        await desk.write("finish", lambda session: runs.finish(session, desk.hold, "failed", "No expert answered."))
        return replace(brief, phase=ConversationPhase.COMPLETION, is_over=True)
    await desk.leave_phase("check", ConversationPhase.PROCESSING, lambda session: _record(session, brief, done))
    return replace(brief, phase=ConversationPhase.SYNTHESIS, work=done)


def _record(session: Session, brief: Brief, done: Work) -> None:
    """Check the answers of this round, and go on to the synthesis."""
    attempts = {attempt.delegation_id: attempt for attempt in done.attempts}
    rounds = max(attempt.review_round for attempt in done.attempts)
    new = [one for one in done.answers if attempts[one.delegation_id].review_round == rounds]
    read = [(answer, attempts[answer.delegation_id], read_answer(answer.content)) for answer in new]
    _check(session, brief, [(answer, check_requirements(asked.requirements, said)) for answer, asked, said in read])
    own = {answer.response_id: assessed for answer, _, said in read if (assessed := self_assessment(said)) is not None}
    record_self_assessments(session, brief.user_id, brief.conversation_id, own)
    enter(session, brief.conversation_id, ConversationPhase.SYNTHESIS)


def _check(session: Session, brief: Brief, checked: Sequence[tuple[Answer, Checks]]) -> None:
    """Keep what each answer says of its requirements, as one checkpoint, and a finding for each that was dropped."""
    for answer, checks in checked:
        seat = brief.seats.get(answer.agent_id)
        found = checks.findings(answer.agent_id if seat is None else seat.name)
        if found:
            record_findings(session, brief.conversation_id, found, delegation_id=answer.delegation_id)
    asked = [check for _, checks in checked for check in checks.checks]
    dropped = [requirement for _, checks in checked for requirement in checks.dropped]
    score = None if not asked else 1 - len(dropped) / len(asked)
    verdict: Verdict = "failed" if dropped else "passed"
    details = {"answers": len(checked), "asked": len(asked), "dropped": dropped}
    record_check(session, brief.of, "requirements", verdict, score=score, details=details)
