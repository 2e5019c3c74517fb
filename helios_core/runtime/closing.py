"""Closing: one answer out of many, reviewed, and kept where the next conversation finds it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import text
from sqlalchemy.orm import Session

from helios_core.errors import ProviderError
from helios_core.measures.consensus import Answered, Consensus, consensus, disputed
from helios_core.models import ConversationPhase, MultiAgentConversation
from helios_core.providers.chat import ChatAnswer
from helios_core.runtime import prompts
from helios_core.runtime.claims import Claims, read_claims
from helios_core.runtime.experts import as_answered
from helios_core.runtime.judges import JUDGE, directive_of
from helios_core.runtime.quality import Review, read_review
from helios_core.runtime.tools import Desk
from helios_core.services import consensus_memory, runs
from helios_core.services.checkpoints import Verdict, record_check
from helios_core.services.consensus import NewSynthesis, conclude
from helios_core.services.context_states import remember_as_team
from helios_core.services.findings import Finding, record_findings
from helios_core.services.participation import measure_participations
from helios_core.services.transcripts import NewMessage, append, enter
from helios_core.views.briefs import Brief, Work, work

MAX_ROUNDS = 2
"""The synthesis that a reviewer sends back once is the last."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the responses hold, by a model; nothing where none was asked."""

    claims: Claims
    model_name: str | None
    problem: str | None = None
    """Why there is nothing, where a model was asked."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The one answer, with what it was made of."""

    text: str
    answer: ChatAnswer | None
    drawn: Drawn
    found: Consensus
    response_ids: tuple[int, ...]


async def synthesise(desk: Desk, brief: Brief) -> Brief:
    """Make one answer of the responses; without a task, the plan is the answer. Where nobody reviews, it is the end."""
    done = await _done(desk, brief)
    responses = [as_answered(answer, brief) for answer in done.answers]
    drawn = await _draw_claims(desk, brief, responses)
    answer = await _write_answer(desk, brief, done, responses, drawn) if responses else None
    text = (brief.plan or "") if answer is None else answer.text
    ids = tuple(answer.response_id for answer in done.answers)
    made = Synthesis(text, answer, drawn, consensus(drawn.claims.claims, responses, text), ids)
    is_over = JUDGE not in brief.seats or not responses
    await desk.leave_phase(
        "synthesis", ConversationPhase.SYNTHESIS, lambda session: _record_synthesis(session, brief, made, ends=is_over)
    )
    syntheses = (*brief.syntheses, text)
    return replace(brief, phase=ConversationPhase.REVIEW, work=done, syntheses=syntheses, is_over=is_over)


async def _done(desk: Desk, brief: Brief) -> Work:
    if brief.work is not None:
        return brief.work
    return await desk.write("look", lambda session: work(session, brief.conversation_id))


async def _draw_claims(desk: Desk, brief: Brief, responses: Sequence[Answered]) -> Drawn:
    """The claims on which several experts' answers rest. Without them there is still an answer."""
    if len({response.agent_id for response in responses}) < 2:
        return Drawn(Claims((), ()), None)
    seat = brief.seats.get(JUDGE, brief.seats[brief.pm_agent_id])
    try:
        answer = await desk.tools.models.ask_patiently(seat, prompts.claims(brief.question, responses), lambda _: None)
    except ProviderError as error:
        return Drawn(Claims((), ()), None, str(error))
    return Drawn(read_claims(answer.structured, responses), answer.model)


async def _write_answer(
    desk: Desk, brief: Brief, done: Work, responses: Sequence[Answered], drawn: Drawn
) -> ChatAnswer:
    answered = {attempt.place for attempt in done.attempts if attempt.status.value == "completed"}
    missing = {attempt.place: attempt.task for attempt in done.attempts if attempt.place not in answered}
    manager = brief.seats[brief.pm_agent_id]
    ask = prompts.synthesis(
        manager.system_prompt,
        brief.question,
        responses,
        disputed(drawn.claims.claims),
        missing=list(missing.values()),
        changes=brief.changes,
        before=brief.syntheses[-1] if brief.syntheses else None,
    )
    return await desk.ask(manager, ask)


def _record_synthesis(session: Session, brief: Brief, made: Synthesis, *, ends: bool) -> None:
    new = NewSynthesis(
        user_id=brief.user_id,
        conversation_id=brief.conversation_id,
        chat_id=brief.chat_id,
        agent_id=brief.pm_agent_id,
        content=made.text,
        message=_message(brief, "synthesis", brief.pm_agent_id, made.text, made.answer),
        claims=made.drawn.claims.claims,
        found=made.found,
        response_ids=made.response_ids,
        model_name=made.drawn.model_name,
        prompt_version=prompts.VERSIONS["claims"] if made.drawn.model_name else None,
    )
    synthesis_id = conclude(session, new, question=brief.question if ends else None)
    record_findings(session, brief.conversation_id, _wrong(made.drawn))
    if ends:
        record_check(session, brief.of, "review", "skipped", details=UNREVIEWED)
        enter(session, brief.conversation_id, ConversationPhase.REVIEW, ConversationPhase.COMPLETION)
        _end(session, brief, synthesis_id)
    else:
        enter(session, brief.conversation_id, ConversationPhase.REVIEW)


def _wrong(drawn: Drawn) -> list[Finding]:
    """What was not drawn from the responses, or does not count."""
    if drawn.problem is not None:
        sentence = "No claims could be drawn from the answers."
        return [Finding("unreadable_claims", sentence, drawn.problem, "There are no stances and no votes.")]
    rejected = drawn.claims.rejected
    return [Finding("unproved_stance", one.reason, one.quote or one.claim, "It does not count.") for one in rejected]


def _message(brief: Brief, kind: str, speaker: str, content: str, answer: ChatAnswer | None) -> NewMessage:
    return NewMessage(
        user_id=brief.user_id,
        conversation_id=brief.conversation_id,
        speaker=speaker,
        kind=kind,
        content=content,
        phase=ConversationPhase(kind),
        input_tokens=None if answer is None else answer.input_tokens,
        output_tokens=None if answer is None else answer.output_tokens,
    )


async def review(desk: Desk, brief: Brief) -> Brief:
    """Have the answer reviewed, where somebody does; it may go back once."""
    try:
        answer, verdict = await _ask_reviewer(desk, brief)
    except ProviderError as error:
        problem = str(error)
        await desk.leave_phase("review", brief.phase, lambda session: _record_silence(session, brief, problem))
        return replace(brief, phase=ConversationPhase.COMPLETION)
    if answer is None:  # nobody reviews: that is written with the end
        return replace(brief, phase=ConversationPhase.COMPLETION)
    goes_back = verdict is not None and verdict.sends_back and len(brief.syntheses) < MAX_ROUNDS
    phase = ConversationPhase.DELEGATION if goes_back else ConversationPhase.COMPLETION
    await desk.leave_phase(
        "review", ConversationPhase.REVIEW, lambda session: _record_review(session, brief, answer, verdict, phase)
    )
    changes = verdict.changes if verdict is not None and goes_back else ()
    return replace(brief, phase=phase, changes=changes)


async def _ask_reviewer(desk: Desk, brief: Brief) -> tuple[ChatAnswer | None, Review | None]:
    """What the reviewer says; None where there is nobody to review, or nothing. Raises ProviderError."""
    seat = brief.seats.get(JUDGE)
    done = await _done(desk, brief)
    if seat is None or not done.answers:
        return None, None
    directives = [directive_of(attempt) for attempt in done.attempts if attempt.attempt == 1]
    responses = [as_answered(answer, brief) for answer in done.answers]
    ask = prompts.review(seat.system_prompt, brief.question, directives, responses, brief.syntheses[-1])
    answer = await desk.ask(seat, ask)
    return answer, read_review(answer.structured)


def _record_review(
    session: Session, brief: Brief, answer: ChatAnswer | None, verdict: Review | None, phase: ConversationPhase
) -> None:
    if verdict is not None:
        conversation = session.get_one(MultiAgentConversation, brief.conversation_id)
        words = "\n".join([verdict.explanation, *(f"- {change}" for change in verdict.changes)]).strip()
        append(session, [_message(brief, "review", JUDGE, f"{verdict.verdict}\n{words}".strip(), answer)])
        conversation.attributes = {**conversation.attributes, "review_changes": list(verdict.changes)}
    outcome: Verdict = "skipped" if verdict is None else "failed" if verdict.sends_back else "passed"
    details = {"reviewer": JUDGE if verdict else None, "verdict": verdict.verdict if verdict else None}
    record_check(session, brief.of, "review", outcome, details=details)
    enter(session, brief.conversation_id, phase)


def _record_silence(session: Session, brief: Brief, problem: str) -> None:
    """Go on without a word of the reviewer, and say why there is none."""
    sentence = "The reviewer gave no verdict on the answer."
    found = Finding("unreadable_review", sentence, problem, "The answer went out without a review.")
    record_findings(session, brief.conversation_id, [found])
    _record_review(session, brief, None, None, ConversationPhase.COMPLETION)


async def complete(desk: Desk, brief: Brief) -> Brief:
    """Keep what came of it, and end the conversation."""
    await desk.write("finish", lambda session: _record_end(session, brief))
    return replace(brief, is_over=True)


UNREVIEWED = {"reviewer": None, "verdict": None}
NEWEST = text("SELECT max(id) FROM task_synthesis WHERE conversation_id = :conversation")


def _record_end(session: Session, brief: Brief) -> None:
    if runs.phase_of(session, brief.conversation_id) is ConversationPhase.REVIEW:
        _record_review(session, brief, None, None, ConversationPhase.COMPLETION)
    synthesis_id = session.scalar(NEWEST, {"conversation": brief.conversation_id})
    if synthesis_id is not None:
        consensus_memory.join(session, synthesis_id)
    _end(session, brief, synthesis_id)


def _end(session: Session, brief: Brief, synthesis_id: int | None) -> None:
    """The chat remembers what came of it, everybody's part in it is measured, and the run ends."""
    if brief.chat_id is not None:
        key, kept = f"conversation {brief.conversation_id}", {"question": brief.question, "synthesis_id": synthesis_id}
        remember_as_team(session, brief.user_id, brief.chat_id, key, value=kept)
    measure_participations(session, brief.conversation_id)
    runs.end(session, brief.conversation_id, "completed", None)
