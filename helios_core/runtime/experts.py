"""Experts at work: every task of a plan as soon as it can begin, as many at a time as cards and dependencies allow."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from helios_core.errors import AnswerTimedOut, ProviderError
from helios_core.measures.consensus import Answered
from helios_core.models import TaskDelegationStatus
from helios_core.providers.chat import ChatAnswer
from helios_core.runtime import prompts
from helios_core.runtime.answers import read_answer
from helios_core.runtime.judges import Judges, directive_of
from helios_core.runtime.patience import pause_after
from helios_core.runtime.tools import Desk
from helios_core.services import delegations
from helios_core.services.delegations import Start
from helios_core.services.responses import NewResponse
from helios_core.views.briefs import Answer, Attempt, Brief, Seat, Work, work
from helios_core.views.participants import named

UNDER_WAY = (TaskDelegationStatus.PENDING, TaskDelegationStatus.IN_PROGRESS)
COMPLETED = TaskDelegationStatus.COMPLETED


def as_answered(answer: Answer, brief: Brief) -> Answered:
    """An answer as other agents are shown it."""
    seat = brief.seats.get(answer.agent_id)
    return Answered(
        answer.agent_id, named(answer.agent_id) if seat is None else seat.name, answer.content, answer.model_name
    )


def is_settled(place: int, attempts: Mapping[int, Attempt]) -> bool:
    """Whether a task has its answer, or will not get one."""
    others = [attempt for attempt in attempts.values() if attempt.place == place]
    return any(one.status is COMPLETED for one in others) or all(one.status not in UNDER_WAY for one in others)


@dataclass
class Experts:
    """The experts of one conversation at work, until every task is settled and every answer is judged."""

    desk: Desk
    brief: Brief
    _attempts: dict[int, Attempt] = field(default_factory=dict)
    _answers: dict[int, Answer] = field(default_factory=dict)
    _at_work: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)
    _pauses: dict[int, float] = field(default_factory=dict)
    """How long an attempt waits before it begins, where the one before it failed here."""
    _slots: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, whenever a slot may have been granted."""

    async def work(self) -> Work:
        """Let everybody work; what came of it."""
        judges = Judges(self.desk, self.brief)
        try:
            self._see(self.brief.work or await self._work())
            while self._go_on():
                await self._something_happens()
                self._collect()
                judges.judge(self._attempts, self._answers.values())
            judges.judge(self._attempts, self._answers.values())
            await judges.finish()
        finally:
            judges.stop()
            for task in self._at_work.values():
                task.cancel()
        return Work(tuple(self._attempts.values()), tuple(self._answers.values()))

    async def _something_happens(self) -> None:
        """Until somebody ends an attempt, or the bell rings; then see what it rang for."""
        rung = asyncio.create_task(self.desk.wait())
        await asyncio.wait({rung, *self._at_work.values()}, return_when=asyncio.FIRST_COMPLETED)
        if rung.done():
            self._see(await self._work())
            self._slots.set()
            self._slots = asyncio.Event()
        rung.cancel()

    async def _work(self) -> Work:
        return await self.desk.write("look", lambda session: work(session, self.brief.conversation_id))

    def _see(self, found: Work) -> None:
        """Take what is written now for what is so: people may have cancelled, retried or reassigned."""
        self._attempts = {attempt.delegation_id: attempt for attempt in found.attempts}
        self._answers = {answer.delegation_id: answer for answer in found.answers}
        for delegation_id, task in self._at_work.items():
            if self._attempts[delegation_id].status not in UNDER_WAY:
                task.cancel()

    def _go_on(self) -> bool:
        """Begin what can begin; whether there is anything to wait for."""
        left = [attempt for attempt in self._attempts.values() if attempt.status in UNDER_WAY]
        for attempt in left:
            if attempt.delegation_id not in self._at_work and self._may_begin(attempt):
                self._at_work[attempt.delegation_id] = asyncio.create_task(self._carry(attempt))
        return bool(left or self._at_work)

    def _may_begin(self, attempt: Attempt) -> bool:
        return not self.desk.is_paused and all(is_settled(place, self._attempts) for place in attempt.depends_on)

    def _collect(self) -> None:
        """Forget those who have ended; an error that is no answer of a provider ends everything."""
        for delegation_id, task in list(self._at_work.items()):
            if task.done():
                del self._at_work[delegation_id]
                if not task.cancelled():
                    task.result()

    async def _carry(self, attempt: Attempt) -> None:
        """One attempt from its beginning to its answer or its failure."""
        seat = self.brief.seats.get(attempt.agent_id)
        if seat is None:
            await self._fail(attempt, f"{attempt.agent_id} is switched off.", pause=None)
            return
        await asyncio.sleep(self._pause_before(attempt))
        await self._begin(attempt, seat)
        began_at = time.monotonic()
        tools = self.desk.tools
        try:
            async with tools.scribe.reading_along(self.desk.hold, seat.agent_id, attempt.delegation_id) as say:
                answer = await tools.models.ask(seat, self._ask(attempt, seat), say)
        except ProviderError as error:
            pause = pause_after(attempt.attempt, error) if attempt.attempt <= seat.max_retries else None
            await self._fail(attempt, str(error), timed_out=isinstance(error, AnswerTimedOut), pause=pause)
        else:
            await self._respond(attempt, seat, answer, time.monotonic() - began_at)

    def _pause_before(self, attempt: Attempt) -> float:
        """As long as the attempt before it found; where that failed elsewhere, as its number says."""
        if attempt.attempt == 1:
            return 0.0
        return self._pauses.pop(attempt.delegation_id, None) or pause_after(attempt.attempt - 1) or 0.0

    async def _begin(self, attempt: Attempt, seat: Seat) -> None:
        """Wait for a slot of each card of the agent, if any. Who is cancelled meanwhile waits no longer."""
        if attempt.status is TaskDelegationStatus.IN_PROGRESS and not seat.gpu_ids:
            return  # it began with the plan, or with a worker that is gone
        start = Start(self.desk.hold, attempt.delegation_id, seat.agent_id, seat.gpu_ids, attempt.priority)
        while not await self.desk.tools.starts.put(start):
            await self._slots.wait()

    def _ask(self, attempt: Attempt, seat: Seat) -> prompts.Ask:
        needed = [
            as_answered(answer, self.brief)
            for answer in self._answers.values()
            if self._attempts[answer.delegation_id].place in attempt.depends_on
        ]
        return prompts.answer(seat.system_prompt, directive_of(attempt), self.brief.question, needed)

    async def _respond(self, attempt: Attempt, seat: Seat, answer: ChatAnswer, seconds: float) -> None:
        response_id = await self.desk.tools.responses.put(
            NewResponse(
                hold=self.desk.hold,
                delegation_id=attempt.delegation_id,
                agent_id=seat.agent_id,
                content=answer.text,
                model_name=answer.model,
                model_provider=seat.model_provider,
                confidence_score=read_answer(answer.text).confidence,
                input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens,
                response_seconds=seconds,
                queue_seconds=answer.durations.queue_seconds,
                load_seconds=answer.durations.load_seconds,
                prefill_seconds=answer.durations.prefill_seconds,
                decode_seconds=answer.durations.decode_seconds,
            )
        )
        if response_id is None:  # somebody ended the attempt, or the run, before
            self.desk.rung.set()
            return
        written = Answer(response_id, attempt.delegation_id, seat.agent_id, answer.text, answer.model, is_scored=False)
        self._answers[attempt.delegation_id] = written
        self._attempts[attempt.delegation_id] = replace(attempt, status=COMPLETED)

    async def _fail(self, attempt: Attempt, reason: str, *, timed_out: bool = False, pause: float | None) -> None:
        """End an attempt; the next begins after `pause` seconds, where there is one."""
        next_id = await self.desk.write(
            "fail",
            lambda session: delegations.fail(
                session, self.desk.hold, attempt.delegation_id, reason, timed_out=timed_out, again=pause is not None
            ),
        )
        self._attempts[attempt.delegation_id] = replace(attempt, status=TaskDelegationStatus.FAILED)
        if next_id is not None and pause is not None:
            self._pauses[next_id] = pause
            following = replace(attempt, delegation_id=next_id, attempt=attempt.attempt + 1)
            self._attempts[next_id] = replace(following, status=TaskDelegationStatus.PENDING)
