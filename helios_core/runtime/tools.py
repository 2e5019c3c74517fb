"""What a worker lends to each conversation that it carries."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import Session

from helios_core.models import ConversationPhase
from helios_core.providers.chat import ChatAnswer
from helios_core.runtime.ledger import Batch, Ledger
from helios_core.runtime.models import Models
from helios_core.runtime.prompts import Ask
from helios_core.runtime.scribe import Scribe
from helios_core.services import delegations, responses
from helios_core.services.delegations import Start
from helios_core.services.responses import NewResponse
from helios_core.services.runs import Hold, is_paused
from helios_core.views.briefs import Seat

Result = TypeVar("Result")
LOOK_SECONDS = 5.0
"""How often somebody who waits looks by himself: an announcement may have been missed."""


class Tools:
    """The ledger, the models and the scribe of a worker, with the steps that it takes for many at once."""

    def __init__(self, ledger: Ledger, models: Models, scribe: Scribe) -> None:
        self.ledger = ledger
        self.models = models
        self.scribe = scribe
        self.starts: Batch[Start, bool] = Batch(self._start)
        self.responses: Batch[NewResponse, int | None] = Batch(self._respond)

    async def _start(self, starts: Sequence[Start]) -> list[bool]:
        begun = await self.ledger.act("start", lambda session: delegations.start(session, starts))
        return [start.delegation_id in begun for start in starts]

    async def _respond(self, answers: Sequence[NewResponse]) -> list[int | None]:
        written = await self.ledger.act("respond", lambda session: responses.respond(session, answers))
        return [written.get(answer.delegation_id) for answer in answers]


@dataclass
class Desk:
    """A worker's place at one conversation: its hold on the run, its tools, and the bell that rings for it."""

    hold: Hold
    tools: Tools
    is_paused: bool
    """Whether nothing new may begin; whoever steers the conversation is heard within a second."""
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, step: str, use_case: Callable[[Session], Result]) -> Result:
        """Take a step in the conversation, while the run is held."""
        return await self.tools.ledger.write(step, self.hold, use_case)

    async def leave_phase(
        self, step: str, phase: ConversationPhase, use_case: Callable[[Session], Result]
    ) -> Result | None:
        """Take the step that ends a phase, once."""
        return await self.tools.ledger.leave_phase(step, self.hold, phase, use_case)

    async def ask(self, seat: Seat, ask: Ask) -> ChatAnswer:
        """Ask an agent for something that is no delegation, with people reading along."""
        async with self.tools.scribe.reading_along(self.hold, seat.agent_id) as say:
            return await self.tools.models.ask_patiently(seat, ask, say)

    async def look(self) -> None:
        """See whether the run is still held, and whether it is paused. Raises HoldLost."""
        self.is_paused = await self.tools.ledger.act("look", lambda session: is_paused(session, self.hold))

    async def wait(self) -> None:
        """Until the bell rings, or it is time to look."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.rung.wait(), LOOK_SECONDS)
        self.rung.clear()

    async def until_resumed(self) -> None:
        """Return at once unless the conversation is paused, and then when it goes on."""
        while self.is_paused:
            await self.wait()
            await self.look()
