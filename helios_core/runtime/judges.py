"""Judging answers while others are still being written: by the agent for quality, where there is one."""

import asyncio
from collections.abc import Iterable, Mapping

from helios_core.errors import ProviderError
from helios_core.runtime import prompts
from helios_core.runtime.directives import Directive
from helios_core.runtime.quality import judge_on, read_judgement
from helios_core.runtime.tools import Desk
from helios_core.services.findings import Finding, record_findings
from helios_core.services.scores import Subject, record_scores
from helios_core.views.briefs import Answer, Attempt, Brief, Seat

JUDGE = "quality_assurance"
"""The agent that judges answers and reviews syntheses, where it is switched on."""


def directive_of(attempt: Attempt) -> Directive:
    """The directive that an attempt is to answer."""
    return Directive(attempt.agent_id, attempt.task, attempt.directive, attempt.given, attempt.requirements)


class Judges:
    """Has each answer of a conversation judged once, one after the other."""

    def __init__(self, desk: Desk, brief: Brief) -> None:
        self._desk = desk
        self._seat = brief.seats.get(JUDGE)
        self._seen: set[int] = set()
        self._waiting: list[tuple[Attempt, Answer]] = []
        self._at_work: asyncio.Task[None] | None = None

    def judge(self, attempts: Mapping[int, Attempt], answers: Iterable[Answer]) -> None:
        """Have those answers judged that have not been. Nobody is judged by itself."""
        if self._seat is None:
            return
        for answer in answers:
            if answer.response_id not in self._seen and not answer.is_scored and answer.agent_id != JUDGE:
                self._waiting.append((attempts[answer.delegation_id], answer))
            self._seen.add(answer.response_id)
        if self._waiting and (self._at_work is None or self._at_work.done()):
            self._at_work = asyncio.create_task(self._judge_all(self._seat))

    async def finish(self) -> None:
        """Wait until all are judged."""
        if self._at_work is not None:
            await self._at_work

    def stop(self) -> None:
        """Judge no more."""
        if self._at_work is not None:
            self._at_work.cancel()

    async def _judge_all(self, seat: Seat) -> None:
        while self._waiting:
            await self._judge(seat, *self._waiting.pop(0))

    async def _judge(self, seat: Seat, attempt: Attempt, answer: Answer) -> None:
        ask = prompts.judge(directive_of(attempt), answer.content)
        try:
            judged = await self._desk.tools.models.ask_patiently(seat, ask, lambda _: None)
        except ProviderError as error:
            await self._note(answer, str(error))
            return
        assessments = read_judgement(judged.structured)
        if not assessments:
            await self._note(answer, judged.text[:200])
            return
        subject, judge = Subject("response", answer.response_id), judge_on(judged.model, seat.model_provider)
        await self._desk.write("judge", lambda session: record_scores(session, subject, assessments, judge))

    async def _note(self, answer: Answer, excerpt: str) -> None:
        sentence = "The judge gave no judgement of an answer."
        found = Finding("unreadable_judgement", sentence, excerpt, "It has no score.")
        conversation_id = self._desk.hold.conversation_id
        await self._desk.write(
            "judge",
            lambda session: record_findings(session, conversation_id, [found], delegation_id=answer.delegation_id),
        )
